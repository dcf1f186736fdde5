import { OtauError } from "../../errors.ts";
import type { Actor } from "../../otau/vocabulary.ts";
import type { DeploymentDraft, DeploymentRecord } from "../../usecases/ports.ts";
import type { DeploymentReader } from "./deployments-reader.ts";
import { acceptDeployment } from "./deployments-scripts.ts";
import { deploymentEvent, deploymentTexts } from "./deployments-text.ts";
import { answerKeptMs } from "./idempotency-store.ts";
import { productKeys } from "./product-keys.ts";
import { type ProductStoreDeps, runProductScript } from "./product-scripts.ts";

/** Each failed try means that another apply got through, so there is no live-lock. */
const triesMax = 1000;

/** The idempotency answer that is kept with the accept; it is made from the record as stored. */
export type AcceptAnswer = {
  readonly record: string;
  readonly digest: string;
  readonly reply: (record: DeploymentRecord) => string;
};

/**
 * Stores a deployment at the commit point of its apply. Throws NOT_FOUND, PACKAGE_WITHDRAWN or REVISION_MISMATCH
 * when the package is no longer what was read, and STORE_UNAVAILABLE when upkeep took the preparation away.
 */
export async function acceptDraft(
  deps: ProductStoreDeps,
  reader: DeploymentReader,
  draft: DeploymentDraft,
  answer: AcceptAnswer | undefined,
  actor: Actor,
): Promise<DeploymentRecord> {
  const keys = acceptKeys(draft, answer);
  const { fixed, mutable } = deploymentTexts(draft);
  const event = deploymentEvent(draft, { to: draft.state, reason: undefined }, actor);
  // The answer may show the seq, which is given out in the script: so it is made for a guess, and the guess checked.
  let seqGuess = 1;
  for (let tries = 0; tries < triesMax; tries++) {
    const answerArgs =
      answer === undefined ? [] : [answer.digest, answer.reply(recordOf(draft, seqGuess)), answerKeptMs];
    const [outcome = "", ...rest] = await runProductScript(deps, acceptDeployment, keys, [
      draft.id,
      fixed,
      mutable,
      draft.state,
      draft.packageId,
      draft.packageRevision,
      draft.source === "apply" ? 1 : 0,
      answer === undefined ? "" : seqGuess,
      event,
      ...answerArgs,
    ]);
    if (outcome === "accepted" || outcome === "exists") return stored(reader, draft, rest);
    if (outcome !== "otherSeq") throw refusal(outcome, draft);
    seqGuess = Number(rest[0]);
  }
  throw new OtauError("STORE_UNAVAILABLE", "Too many applies at once: try again shortly.", {
    retryAfterSeconds: 1,
  });
}

function acceptKeys(draft: DeploymentDraft, answer: AcceptAnswer | undefined): string[] {
  const { productId, id, packageId } = draft;
  return [
    productKeys.deployment(productId, id),
    productKeys.counters(productId),
    productKeys.deployments(productId),
    productKeys.deploymentsIn(productId, draft.state),
    productKeys.packageDeployments(productId, packageId),
    productKeys.openDeployments(productId),
    productKeys.packageOpen(productId, packageId),
    productKeys.prepared(productId),
    productKeys.items(productId),
    productKeys.log(productId),
    ...(answer === undefined ? [] : [productKeys.idempotency(productId, answer.record)]),
  ];
}

function recordOf(draft: DeploymentDraft, seq: number): DeploymentRecord {
  return { ...draft, seq, revision: 1, generation: 1, withdrawn: false };
}

function stored(
  reader: DeploymentReader,
  draft: DeploymentDraft,
  [revision = "", generation = "", seq = "", fixedText = "", mutableText = ""]: readonly string[],
): DeploymentRecord {
  const row = { revision, generation, seq, mutableText, withdrawn: false, fixedText };
  return reader.store(draft.productId, draft.id, row) ?? recordOf(draft, Number(seq));
}

function refusal(outcome: string, { productId, packageId, id }: DeploymentDraft): OtauError {
  if (outcome === "noPackage") {
    return new OtauError("NOT_FOUND", `There is no package ${packageId} in product ${productId} any more.`);
  }
  if (outcome === "withdrawn") {
    return new OtauError(
      "PACKAGE_WITHDRAWN",
      `Package ${packageId} was withdrawn meanwhile; restore it first.`,
    );
  }
  if (outcome === "changed") {
    return new OtauError(
      "REVISION_MISMATCH",
      `Package ${packageId} was replaced during the apply; apply it again.`,
    );
  }
  return new OtauError(
    "STORE_UNAVAILABLE",
    `The apply took so long that its preparation (deployment ${id}) was dropped: send it again.`,
    { retryAfterSeconds: 1 },
  );
}
