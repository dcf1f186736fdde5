import { z } from "zod";
import { OtauError } from "../errors.ts";
import type { Outcome } from "../otau/model.ts";
import { type Actor, isFinalState, type UpdateState } from "../otau/vocabulary.ts";
import type { DeviceActions } from "./act-on-device.ts";
import type { DeploymentRecord, DeviceRef, DeviceStore } from "./ports.ts";
import type { makeSteerDeployment } from "./steer-deployment.ts";

const chunk = 200;
const leftShownMax = 100;

/** States out of which an operator may reopen an update. */
export const retriableStates = ["failed", "timed_out", "aborted", "canceled"] as const;
export type RetriableState = (typeof retriableStates)[number];

/** Answer of a retry of a deployment; of those that were left alone the first 100 are named. */
export const retryReplySchema = z.strictObject({
  retried: z.int(),
  left: z.array(
    z.strictObject({ identity: z.string(), code: z.enum(["NOTHING_TO_RETRY", "PACKAGE_WITHDRAWN"]) }),
  ),
});

export type Left = { readonly identity: string; readonly code: "NOTHING_TO_RETRY" | "PACKAGE_WITHDRAWN" };
export type RetryReply = { readonly retried: number; readonly left: readonly Left[] };

export type RetryDeps = {
  readonly devices: DeviceStore;
  readonly act: DeviceActions["act"];
  readonly actOnMany: DeviceActions["actOnMany"];
  readonly followCancel: (record: DeploymentRecord) => Promise<DeploymentRecord>;
  readonly steer: Pick<ReturnType<typeof makeSteerDeployment>, "find" | "change">;
};

type DeploymentRetry = {
  readonly productId: string;
  readonly deploymentId: string;
  readonly states: readonly RetriableState[];
  readonly actor: Actor;
};

/** Operator's retry: reopens updates of a deployment, or the one of a device. Sending it twice retries once. */
export function makeRetryUpdates({ devices, act, actOnMany, followCancel, steer }: RetryDeps) {
  /** The deployment runs again until all are final; a paused or halted one stays so, and its updates wait. */
  async function reopen(record: DeploymentRecord, actor: Actor): Promise<void> {
    // A cancel that is still being carried out comes first: it was asked for first.
    await followCancel(record);
    const now = await devices.now();
    await steer.change({ productId: record.productId, deploymentId: record.id, actor }, (present) => {
      if (!isEnded(present)) return undefined;
      // As after a resume, the gate counts anew: by what had failed before it would end it again at once.
      const gate = { gateEpoch: (present.gateEpoch ?? 1) + 1, gateSince: now, gateFigures: null };
      return { state: "running", endedAt: null, sweeping: null, reason: null, reopening: now, ...gate };
    });
  }

  async function retryShard(
    input: DeploymentRetry,
    shard: number,
  ): Promise<{ retried: number; left: Left[] }> {
    let retried = 0;
    const left: Left[] = [];
    let from: number | undefined = 0;
    while (from !== undefined) {
      const page = await devices.members(
        input.deploymentId,
        input.productId,
        shard,
        from,
        chunk,
        input.states,
      );
      if (page.refs.length > 0) {
        const { acted } = await actOnMany(page.refs, () => [retryEvent(input.deploymentId, input.states)], {
          actor: input.actor,
          past: true,
        });
        for (const { before, outcome } of acted) {
          if (outcome.refused === undefined) retried += outcome.device === before.device ? 0 : 1;
          else left.push({ identity: before.device.identity, code: codeOf(outcome) });
        }
        const present = new Set(acted.map(({ before }) => before.device.identity));
        const gone = page.refs.filter(({ identity }) => !present.has(identity));
        left.push(...gone.map(({ identity }) => ({ identity, code: "NOTHING_TO_RETRY" as const })));
      }
      from = page.next;
    }
    return { retried, left };
  }

  async function retryDeployment(input: DeploymentRetry): Promise<RetryReply> {
    const record = await steer.find(input);
    // Open before its updates are: a reopened update of an ended deployment would never be released.
    if (isEnded(record)) await reopen(record, input.actor);
    let retried = 0;
    const left: Left[] = [];
    for (let shard = 0; shard < devices.shardCount; shard++) {
      const done = await retryShard(input, shard);
      retried += done.retried;
      left.push(...done.left);
    }
    await settle(record, retried > 0, input.actor);
    return { retried, left: left.slice(0, leftShownMax) };
  }

  /**
   * What was reopened is released: also when the deployment was found to be over in the meantime. What was opened
   * in vain stands as it stood before.
   */
  async function settle(record: DeploymentRecord, hasReopened: boolean, actor: Actor): Promise<void> {
    const { productId, id: deploymentId, state, endedAt } = record;
    await steer.change({ productId, deploymentId, actor }, (present) => {
      const settled = { reopening: null };
      if (hasReopened) return isEnded(present) ? { state: "running", endedAt: null, ...settled } : settled;
      if (!isEnded(record) || present.state !== "running") return undefined;
      return { state, endedAt: endedAt ?? null, ...settled };
    });
  }

  /** The device's newest update in a retriable state, or the named one alone. */
  async function retryDevice(
    ref: DeviceRef,
    deploymentId: string | undefined,
    actor: Actor,
  ): Promise<string> {
    const loaded = await devices.load(ref, { past: true });
    if (loaded === undefined)
      throw new OtauError("NOT_FOUND", `There is no device ${ref.identity} in product ${ref.productId}.`);
    const seqOf = (id: string) => loaded.deployments.get(id)?.seq ?? 0;
    const candidates = loaded.device.updates
      .filter((update) => deploymentId === undefined || update.deploymentId === deploymentId)
      .toSorted((a, b) => seqOf(b.deploymentId) - seqOf(a.deploymentId));
    if (deploymentId !== undefined && candidates.length === 0) throw noSuchUpdate(ref);
    const update = candidates.find(({ state }) =>
      (retriableStates as readonly UpdateState[]).includes(state),
    );
    const record = update && loaded.deployments.get(update.deploymentId);
    if (update === undefined || record === undefined || !isFinalState(update.state))
      throw nothingToRetry(ref);
    if (isEnded(record)) await reopen(record, actor);
    const acted = await act(ref, () => [retryEvent(record.id, retriableStates)], { actor, past: true });
    await settle(record, acted?.changed === true, actor);
    if (acted === undefined)
      throw new OtauError("NOT_FOUND", `There is no device ${ref.identity} in product ${ref.productId}.`);
    if (acted.outcome.refused === "PACKAGE_WITHDRAWN") {
      throw new OtauError("PACKAGE_WITHDRAWN", `Package ${record.packageId} is withdrawn; restore it first.`);
    }
    if (acted.outcome.refused !== undefined) throw nothingToRetry(ref);
    return record.id;
  }

  return { retryDeployment, retryDevice };
}

const isEnded = ({ state }: DeploymentRecord): boolean => state === "finished" || state === "canceled";

const retryEvent = (deploymentId: string, states: readonly UpdateState[]) =>
  ({ type: "retry", deploymentId, states }) as const;

const codeOf = ({ refused }: Outcome): Left["code"] =>
  refused === "PACKAGE_WITHDRAWN" ? "PACKAGE_WITHDRAWN" : "NOTHING_TO_RETRY";

const noSuchUpdate = (ref: DeviceRef) =>
  new OtauError("NOT_FOUND", `Device ${ref.identity} has no such update.`);
const nothingToRetry = (ref: DeviceRef) =>
  new OtauError(
    "NOTHING_TO_RETRY",
    `Device ${ref.identity} has no update that can be retried: it must be failed, timed_out, aborted or canceled, and nothing newer may have been written.`,
  );
