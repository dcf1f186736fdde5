import { OtauError } from "../errors.ts";
import { decide } from "../otau/decide.ts";
import type { Deployment, Facts, Limits, Outcome } from "../otau/model.ts";
import { readOtauInfo } from "../otau/package.ts";
import type { PackageRules } from "../otau/package-payload.ts";
import { readTagText } from "../otau/package-tag.ts";
import { resolveRetry, resolveTimeouts } from "../otau/policy.ts";
import { emptyTotals } from "../otau/totals.ts";
import type { Actor } from "../otau/vocabulary.ts";
import { type ApplyBody, applyDevicesMax, filterOfTarget } from "./apply-options.ts";
import { type DeploymentView, toDeploymentView } from "./deployment-view.ts";
import type {
  AlarmClock,
  ContentRecord,
  ContentStore,
  DeploymentDraft,
  DeploymentRecord,
  DeploymentStore,
  DeviceStore,
  IdempotencyStore,
  LoadedDevice,
} from "./ports.ts";
import type { ProductSettingsOf } from "./product-settings.ts";

/** Refused devices that an answer names. */
const identitiesShownMax = 100;
const sampleMax = 20;
const chunk = 1000;

export type ApplyDeps = {
  readonly devices: DeviceStore;
  readonly deployments: DeploymentStore;
  readonly content: ContentStore;
  readonly idempotency: IdempotencyStore;
  readonly settingsOf: ProductSettingsOf;
  readonly limitsOf: (productId: string) => Promise<Limits>;
  readonly rules: PackageRules;
  readonly newId: () => string;
  readonly alarm: AlarmClock;
  readonly failPoint: (name: string) => void;
};

export type ApplyInput = {
  readonly productId: string;
  readonly packageId: string;
  readonly body: ApplyBody;
  readonly actor: Actor;
  /** Under which key the answer is kept, and the digest of the request it belongs to. */
  readonly idempotency?: { readonly record: string; readonly digest: string };
};

export type ApplyReply = {
  readonly deployment: DeploymentView;
  readonly unknown?: { readonly count: number; readonly identities: readonly string[] };
};
export type DryRunReply = {
  readonly total: number;
  readonly skipped: Readonly<Record<string, number>>;
  readonly sample: readonly string[];
  readonly forecastMs: number;
};
export type Applied =
  | { readonly kind: "accepted"; readonly reply: ApplyReply }
  | { readonly kind: "dryRun"; readonly reply: DryRunReply };

type Members = { readonly identities: readonly string[]; readonly unknown: readonly string[] };

/** Brings a package to devices: answers when every update is stored and will reach a final state. */
export function makeApplyPackage(deps: ApplyDeps) {
  const { devices, deployments, content, idempotency } = deps;

  async function applicable(productId: string, packageId: string): Promise<ContentRecord> {
    const item = await content.get(productId, packageId);
    if (item === undefined) {
      throw new OtauError("NOT_FOUND", `There is no package ${packageId} in product ${productId}.`);
    }
    if (item.withdrawn) {
      throw new OtauError(
        "PACKAGE_WITHDRAWN",
        `Package ${packageId} is withdrawn (${item.withdrawn.reason}); restore it first.`,
      );
    }
    return item;
  }

  async function listed(productId: string, body: ApplyBody): Promise<Members> {
    if (body.devices === undefined) return { identities: await matching(productId, body), unknown: [] };
    const wanted = [...new Set(body.devices)];
    if (wanted.length > applyDevicesMax) {
      throw new OtauError(
        "TOO_LARGE",
        `An apply takes at most ${applyDevicesMax} devices, not ${wanted.length}; use a target.`,
      );
    }
    const unknown = await devices.unknown(productId, wanted);
    if (unknown.length > 0 && body.onUnknown !== "skip") {
      throw new OtauError(
        "UNKNOWN_DEVICES",
        `${unknown.length} of ${wanted.length} devices do not exist in product ${productId}; create them, or send "onUnknown": "skip".`,
        { identities: unknown.slice(0, identitiesShownMax), count: unknown.length },
      );
    }
    const missing = new Set(unknown);
    return { identities: wanted.filter((identity) => !missing.has(identity)), unknown };
  }

  async function matching(productId: string, body: ApplyBody): Promise<string[]> {
    const filter = filterOfTarget(body.target ?? {});
    const identities: string[] = [];
    let after: string | undefined;
    do {
      const page = await devices.targetMembers(productId, filter, after, chunk);
      identities.push(...page.identities);
      after = page.next;
    } while (after !== undefined);
    return identities;
  }

  async function draftOf(
    input: ApplyInput,
    item: ContentRecord,
    id: string,
    total: number,
  ): Promise<DeploymentDraft> {
    const tag = item.tags["otau_info"] ?? "";
    const reading = readOtauInfo(tag, deps.rules);
    if (!reading.valid) {
      const [first] = reading.problems;
      throw new OtauError(
        "PACKAGE_INVALID",
        `Package ${item.id} is not valid: ${first ? `${first.path} ${first.message}` : "it has no readable otau_info"}.`,
        { errors: reading.problems },
      );
    }
    const settings = await deps.settingsOf(input.productId);
    const options = input.body.options ?? {};
    const now = await devices.now();
    const startAt = options.startAt ? Date.parse(options.startAt) : undefined;
    const expiresAt = options.expiresAt ? Date.parse(options.expiresAt) : undefined;
    if (expiresAt !== undefined && expiresAt <= Math.max(now, startAt ?? 0)) {
      throw new OtauError(
        "INVALID_INPUT",
        `expiresAt ${options.expiresAt} lies before the start; name a later time.`,
        {
          errors: [{ path: "/options/expiresAt", message: "must lie after now and after startAt" }],
        },
      );
    }
    const text = readTagText(tag);
    return {
      id,
      productId: input.productId,
      packageId: item.id,
      packageRevision: item.revision,
      version: reading.config.version,
      name: reading.config.name,
      source: "apply",
      configText: reading.configText,
      otauInfoText: text.ok ? text.text : "",
      timeouts: resolveTimeouts(settings.timeouts, options.timeouts),
      retry: resolveRetry(settings.retry, options.retry),
      confirm: options.confirm ?? settings.confirm ?? "required",
      force: options.force ?? false,
      onActive: options.onActive ?? "supersede",
      createdAt: now,
      createdBy: input.actor.id,
      state: startAt !== undefined && startAt > now ? "scheduled" : "running",
      ...(startAt === undefined ? {} : { startAt }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
      ...(options.rollout?.maxConcurrent ? { maxConcurrent: options.rollout.maxConcurrent } : {}),
      ...(options.rollout?.ratePerMinute ? { ratePerMinute: options.rollout.ratePerMinute } : {}),
      expectedTotal: total,
      resolving: false,
      options,
    };
  }

  /** What a release would make of each device now, with nothing stored. */
  async function foresee(
    draft: DeploymentDraft,
    identities: readonly string[],
    actor: Actor,
  ): Promise<Map<string, Outcome>> {
    const pretend: Deployment = {
      ...draft,
      state: "running",
      seq: Number.MAX_SAFE_INTEGER,
      withdrawn: false,
    };
    const limits = await deps.limitsOf(draft.productId);
    const outcomes = new Map<string, Outcome>();
    for (let at = 0; at < identities.length; at += chunk) {
      const refs = identities
        .slice(at, at + chunk)
        .map((identity) => ({ productId: draft.productId, identity }));
      for (const loaded of await devices.loadMany(refs)) {
        if (loaded !== undefined)
          outcomes.set(loaded.device.identity, foreseeOne(loaded, pretend, limits, actor));
      }
    }
    return outcomes;
  }

  async function refuseBusy(
    draft: DeploymentDraft,
    identities: readonly string[],
    actor: Actor,
  ): Promise<void> {
    if (draft.onActive !== "reject") return;
    const outcomes = await foresee(draft, identities, actor);
    const busy = identities.filter(
      (identity) => reasonIn(outcomes.get(identity), draft.id) === "UPDATE_IN_PROGRESS",
    );
    if (busy.length === 0) return;
    throw new OtauError(
      "UPDATE_IN_PROGRESS",
      `${busy.length} of ${identities.length} devices have another update under way.`,
      {
        identities: busy.slice(0, identitiesShownMax),
        count: busy.length,
      },
    );
  }

  async function dryRun(
    draft: DeploymentDraft,
    identities: readonly string[],
    actor: Actor,
  ): Promise<DryRunReply> {
    const outcomes = await foresee(draft, identities, actor);
    const skipped: Record<string, number> = {};
    const sample: string[] = [];
    for (const [identity, outcome] of outcomes) {
      const reason = reasonIn(outcome, draft.id);
      if (reason !== undefined) skipped[reason] = (skipped[reason] ?? 0) + 1;
      else if (sample.length < sampleMax) sample.push(identity);
    }
    const skippedSum = Object.values(skipped).reduce((sum, count) => sum + count, 0);
    const writes = outcomes.size - skippedSum;
    const forecastMs = draft.ratePerMinute ? Math.ceil((writes / draft.ratePerMinute) * 60_000) : 0;
    return { total: outcomes.size, skipped, sample, forecastMs };
  }

  async function accept(draft: DeploymentDraft, members: Members, input: ApplyInput): Promise<ApplyReply> {
    const replyOf = (record: DeploymentRecord): ApplyReply => ({
      deployment: toDeploymentView(record, {
        ...emptyTotals(),
        waiting: members.identities.length,
        total: members.identities.length,
      }),
      ...(members.unknown.length > 0
        ? {
            unknown: {
              count: members.unknown.length,
              identities: members.unknown.slice(0, identitiesShownMax),
            },
          }
        : {}),
    });
    await deployments.prepare(draft.productId, draft.id);
    deps.failPoint("accept:prepared");
    await devices.enrol(draft.id, draft.productId, members.identities, draft.expiresAt);
    deps.failPoint("accept:enrolled");
    const record = await deployments.accept(
      draft,
      input.idempotency
        ? { ...input.idempotency, reply: (stored) => JSON.stringify(replyOf(stored)) }
        : undefined,
      input.actor,
    );
    deps.failPoint("accept:accepted");
    deps.alarm.wake("conduct", `${record.productId}/${record.id}`);
    return replyOf(record);
  }

  async function run(input: ApplyInput, id: string): Promise<Applied> {
    const item = await applicable(input.productId, input.packageId);
    const draftEarly = await draftOf(input, item, id, 0);
    const members = await listed(input.productId, input.body);
    if (members.identities.length === 0) {
      throw new OtauError("EMPTY_TARGET", "No device is left in the target; nothing was written.");
    }
    const draft = { ...draftEarly, expectedTotal: members.identities.length };
    if (input.body.options?.dryRun)
      return { kind: "dryRun", reply: await dryRun(draft, members.identities, input.actor) };
    await refuseBusy(draft, members.identities, input.actor);
    try {
      return { kind: "accepted", reply: await accept(draft, members, input) };
    } catch (error) {
      if (error instanceof OtauError && error.code !== "STORE_UNAVAILABLE") {
        await devices.unenrol(id, input.productId);
        await deployments.dropPrepared(input.productId, id);
      }
      throw error;
    }
  }

  return async function applyPackage(input: ApplyInput): Promise<Applied> {
    if (input.idempotency === undefined) return run(input, deps.newId());
    const { record, digest } = input.idempotency;
    const began = await idempotency.begin(input.productId, record, digest, deps.newId());
    if (began.outcome === "replay") return { kind: "accepted", reply: JSON.parse(began.reply) as ApplyReply };
    if (began.outcome === "reused") {
      throw new OtauError(
        "IDEMPOTENCY_KEY_REUSED",
        "This Idempotency-Key was sent with another body; use a new key for a new request.",
      );
    }
    if (began.outcome === "inProgress") {
      throw new OtauError(
        "IDEMPOTENCY_IN_PROGRESS",
        "The first request with this Idempotency-Key is still running; ask again in a moment.",
      );
    }
    try {
      const applied = await run(input, began.id);
      // A dry run writes nothing, so there is nothing that a repetition could do twice.
      if (applied.kind === "dryRun") await idempotency.abandon(input.productId, record);
      return applied;
    } catch (error) {
      if (error instanceof OtauError && error.code !== "STORE_UNAVAILABLE")
        await idempotency.abandon(input.productId, record);
      throw error;
    }
  };
}

function foreseeOne(loaded: LoadedDevice, pretend: Deployment, limits: Limits, actor: Actor): Outcome {
  const facts: Facts = {
    now: loaded.now,
    random: 0,
    deployments: new Map<string, Deployment>([...loaded.deployments, [pretend.id, pretend]]),
    limits,
    outages: [],
    actor,
  };
  const enrolled = decide(loaded.device, { type: "enrol", deploymentId: pretend.id }, facts);
  return decide(enrolled.device, { type: "release", deploymentId: pretend.id }, facts);
}

/** Why the deployment's update would end at once, if it would. */
function reasonIn(outcome: Outcome | undefined, deploymentId: string): string | undefined {
  const update = outcome?.device.updates.find((each) => each.deploymentId === deploymentId);
  return update?.state === "skipped" || update?.state === "canceled" ? update.reason : undefined;
}
