import type { Deployment, Update } from "../../otau/model.ts";
import { isLiveState, type UpdateState } from "../../otau/vocabulary.ts";
import { isWritten } from "../../otau/written.ts";
import { stateCodes } from "./codes.ts";

/** How new each deployment is; one that is not accepted yet is newer than all that are. */
export type SeqOf = (deploymentId: string) => number;

/** Where each update of a device is kept. */
export type Placement = {
  /** In the device, fields `l…`. */
  readonly live: Update | undefined;
  /** In the device, fields `n…`: the newest written one that is not live. */
  readonly newest: Update | undefined;
  /** In the device's list `w`. */
  readonly waiting: readonly Update[];
  /** In records of their own, named in the device's list `f`. */
  readonly past: readonly Update[];
};

/** Sorts a device's updates into the places they are kept in. */
export function placeUpdates(updates: readonly Update[], seqOf: SeqOf): Placement {
  let live: Update | undefined;
  let newest: Update | undefined;
  for (const update of updates) {
    if (isLiveState(update.state)) live = update;
    else if (isWritten(update) && isNewer(update, newest, seqOf)) newest = update;
  }
  const rest = updates.filter((update) => update !== live && update !== newest);
  return {
    live,
    newest,
    waiting: rest.filter(({ state }) => state === "waiting"),
    past: rest.filter(({ state }) => state !== "waiting"),
  };
}

function isNewer(update: Update, than: Update | undefined, seqOf: SeqOf): boolean {
  return than === undefined || seqOf(update.deploymentId) > seqOf(than.deploymentId);
}

/** The newest of the updates in records: what a device shows may be known only from here. */
export type NewestPast = { readonly seq: number; readonly state: UpdateState };

export function encodeNewestPast(newest: NewestPast): string {
  return `${newest.seq.toString(36)}.${stateCodes.codeOf(newest.state)}`;
}

export function decodeNewestPast(text: string | undefined): NewestPast | undefined {
  if (text === undefined) return undefined;
  const [seq = "", code = ""] = text.split(".");
  return { seq: Number.parseInt(seq, 36), state: stateCodes.wordOf(code) ?? "skipped" };
}

/** The newest of these and of one that is known already. */
export function newestPastOf(
  past: readonly Update[],
  known: NewestPast | undefined,
  seqOf: SeqOf,
): NewestPast | undefined {
  let newest = known;
  for (const { deploymentId, state } of past) {
    const seq = seqOf(deploymentId);
    if (newest === undefined || seq >= newest.seq) newest = { seq, state };
  }
  return newest;
}

/** State of the update that a device shows, and how new that is; `seq` Infinity: not accepted yet. */
export type Shown = { readonly seq: number; readonly state: UpdateState };

/** What a device shows: the live update, else the newest, else none. */
export function shownOf(
  { live, newest, waiting }: Placement,
  past: NewestPast | undefined,
  hasHidden: boolean,
  seqOf: SeqOf,
): Shown | undefined {
  if (live !== undefined) return { seq: seqOf(live.deploymentId), state: live.state };
  // Members of an apply that is still being stored: theirs will be the newest deployment.
  if (hasHidden) return { seq: unaccepted, state: "waiting" };
  let shown: Shown | undefined = past;
  for (const update of newest === undefined ? waiting : [newest, ...waiting]) {
    const seq = seqOf(update.deploymentId);
    if (shown === undefined || seq > shown.seq) shown = { seq, state: update.state };
  }
  return shown;
}

/** Seq of a deployment that is not accepted: newer than all that are. */
export const unaccepted = Number.POSITIVE_INFINITY;

/** Field `k`: the state's character, then the deployment's seq unless it is not accepted. */
export function encodeShown({ seq, state }: Shown): string {
  return stateCodes.codeOf(state) + (seq === unaccepted ? "" : seq.toString(36));
}

/** How new the update is that a device with this field `k` shows; -1 = none. */
export function shownSeq(text: string | undefined): number {
  if (text === undefined) return -1;
  return text.length === 1 ? unaccepted : Number.parseInt(text.slice(1), 36);
}

/** The index that a device with this field `k` stands in. */
export function shownIndex(text: string | undefined): UpdateState | "none" {
  return text === undefined ? "none" : (stateCodes.wordOf(text.charAt(0)) ?? "none");
}

/** A waiting update that no one touched, as an entry of the list `w`: `+` ready or `-` held back, then its id. */
export function encodeWaiting(update: Update, deployment: WaitingBasis | undefined): string | undefined {
  if (deployment === undefined) return undefined;
  const { ready, revision, createdAt, ...rest } = update;
  const pristine = pristineWaiting(update.deploymentId, deployment);
  if (!isPristine(rest, pristine)) return undefined;
  const head = (ready === true ? "+" : "-") + update.deploymentId;
  if (createdAt !== pristine.createdAt) return `${head}:${revision.toString(36)}:${createdAt.toString(36)}`;
  return revision === pristine.revision ? head : `${head}:${revision.toString(36)}`;
}

/** Marks an entry of `w` whose update is kept as a record: an operator's retry reopened it. */
export const recordMark = "*";

/** What a pristine waiting update is made from. */
export type WaitingBasis = Pick<Deployment, "createdAt" | "retry">;

/** Deployment id of an entry of `w`. */
export function waitingId(entry: string): string {
  const end = entry.indexOf(":");
  return entry.slice(1, end < 0 ? undefined : end);
}

/** The update of an entry of `w` that is not a record. */
export function decodeWaiting(entry: string, deployment: WaitingBasis): Update {
  const [head = "", revision, createdAt] = entry.split(":");
  const update = {
    ...pristineWaiting(head.slice(1), deployment),
    ...(revision === undefined ? {} : { revision: Number.parseInt(revision, 36) }),
    ...(createdAt === undefined ? {} : { createdAt: Number.parseInt(createdAt, 36) }),
  };
  return head.startsWith("+") ? { ...update, ready: true } : update;
}

function pristineWaiting(deploymentId: string, deployment: WaitingBasis): Update {
  return {
    deploymentId,
    state: "waiting",
    attempt: 0,
    maxAttempts: deployment.retry.maxAttempts,
    attemptBase: 0,
    createdAt: deployment.createdAt,
    revision: 1,
    rank: 0,
    restarts: 0,
  };
}

type Untouched = Omit<Update, "ready" | "revision" | "createdAt">;

function isPristine(rest: Untouched, pristine: Update): boolean {
  for (const name of Object.keys(rest) as (keyof Untouched)[])
    if (rest[name] !== pristine[name]) return false;
  return true;
}
