import { type Changes, change } from "./change.ts";
import { startDeadline, timeoutOfRank } from "./deadlines.ts";
import { effects } from "./effects.ts";
import type { Device, HistoryLine, Update } from "./model.ts";
import { packageOf } from "./package-of.ts";
import { retryDelayMs } from "./retry.ts";
import { afterFailure } from "./rollout-guards.ts";
import type { Situation } from "./situation.ts";
import type { Transition, Trigger } from "./transition.ts";
import { pickTransition } from "./transitions.ts";
import { isFinalState, isPhase, type Reason, type UpdateState } from "./vocabulary.ts";
import { addEvent, addLine, changeDevice, entriesOfWork, setUpdate, situationOf, type Work } from "./work.ts";

/** What a history line says of the change that a row made. */
export type ChangeOfState = Changes<Pick<HistoryLine, "deploymentId" | "attempt" | "from" | "to" | "reason">>;

function deadlineChanges({ update, deployment, facts }: Situation, row: Transition): Changes<Update> {
  if (row.deadline === undefined) return {};
  // A value that an outside platform takes is only on its way: its clock begins when it was accepted.
  if (facts.viaConnector && row.to === "sent") return { deadlineAt: undefined, deadlineOf: undefined };
  if (row.deadline !== "current") return startDeadline(deployment, row.deadline, facts.now);
  // In `sent` nothing renews: only taking the update up shows that the device saw it.
  if (!isPhase(update.state) || update.state === "sent") return {};
  return startDeadline(deployment, timeoutOfRank(update.rank), facts.now);
}

function phaseChanges(situation: Situation, to: UpdateState): Changes<Update> {
  const { update, facts } = situation;
  if (!isPhase(to)) return {};
  const begun = to === "sent" ? {} : { startedAt: update.startedAt ?? facts.now };
  const attemptGoesOn =
    update.state === "retrying"
      ? { retryAt: undefined, ready: undefined, attemptEndedBy: undefined, slot: true as const }
      : { ready: undefined };
  return { phase: to, ...begun, ...attemptGoesOn };
}

const noDeadline: Changes<Update> = { deadlineAt: undefined, deadlineOf: undefined, slot: undefined };

function endedBy(reason: Reason | undefined): Changes<Update> {
  if (reason === undefined || reason === "VERSION_ONLY") return {};
  if (reason.endsWith("_TIMEOUT")) return { attemptEndedBy: "timeout" };
  return reason.endsWith("_ERROR") || reason === "FELL_BACK" || reason === "RESTART_LOOP"
    ? { attemptEndedBy: "error" }
    : {};
}

function retryingChanges({ update, deployment, facts }: Situation, reason?: Reason): Changes<Update> {
  const attemptOfSeries = update.attempt - update.attemptBase;
  const delayMs = retryDelayMs(deployment.retry, attemptOfSeries, facts.random);
  return { ...noDeadline, ...endedBy(reason), retryAt: facts.now + delayMs, ready: undefined };
}

function finalChanges(
  situation: Situation,
  row: Transition,
  to: UpdateState,
  reason?: Reason,
): Changes<Update> {
  const { update, facts, replacedBy } = situation;
  const calledOff = to === "canceled" || to === "superseded";
  return {
    ...noDeadline,
    // An attempt that had ended already ended by what it ended by.
    ...(update.state === "retrying" ? {} : endedBy(reason)),
    totalDeadlineAt: undefined,
    retryAt: undefined,
    ready: undefined,
    endedAt: facts.now,
    confirmed: row.confirmed,
    late: row.correction && to === "succeeded" ? true : undefined,
    ...(calledOff && update.everDelivered ? { deviceMayFinish: true as const } : {}),
    ...(replacedBy === undefined ? {} : { supersededBy: replacedBy }),
  };
}

function stateChanges(
  situation: Situation,
  row: Transition,
  to: UpdateState,
  reason?: Reason,
): Changes<Update> {
  if (to === situation.update.state) return {};
  const common = { state: to, reason };
  if (to === "retrying") return { ...common, ...retryingChanges(situation, reason) };
  if (isFinalState(to)) return { ...common, ...finalChanges(situation, row, to, reason) };
  return { ...common, ...phaseChanges(situation, to) };
}

function correctionChanges(
  { update, facts, heard }: Situation,
  row: Transition,
  to: UpdateState,
): Changes<Update> {
  if (row.correction === undefined || heard === undefined) return {};
  const entry = { at: facts.now, from: update.state, to, cause: heard.status };
  const confirmedNow = to === update.state ? { confirmed: row.confirmed, reason: undefined } : {};
  return { corrections: [...(update.corrections ?? []), entry], ...confirmedNow };
}

/** A value that was taken back when the update was given up stands again, as it did succeed; nobody is woken. */
function valueAfterSuccess(work: Work, value: NonNullable<Device["succeededSet"]>): Changes<Device> {
  const { configSet, succeededSet } = work.device;
  const takenBack = configSet === undefined || configSet.timestampUs === succeededSet?.timestampUs;
  return takenBack ? { succeededSet: value, configSet: value } : { succeededSet: value };
}

/** A success is the new measure of what the device should run, and the value to go back to. */
function noteSuccess(work: Work, { deployment }: Situation, update: Update): void {
  const { timestampUs, deploymentId } = update;
  changeDevice(work, {
    confirmedVersion: update.confirmed ? deployment.version : undefined,
    drifted: false,
    ...(timestampUs === undefined ? {} : valueAfterSuccess(work, { deploymentId, timestampUs })),
  });
}

/** A success taken back is no value to go back to any more; the one before it is. */
function forgetSuccess(work: Work, update: Update): void {
  if (work.device.succeededSet?.deploymentId !== update.deploymentId) return;
  const before = entriesOfWork(work).findLast(
    (entry) => entry.update.state === "succeeded" && entry.update.timestampUs !== undefined,
  )?.update;
  const timestampUs = before?.timestampUs;
  changeDevice(work, {
    succeededSet:
      before === undefined || timestampUs === undefined
        ? undefined
        : { deploymentId: before.deploymentId, timestampUs },
  });
}

/** What was called off is not handed out again: `config_otau.set` goes back, waking nobody. */
function takeValueBack(work: Work, update: Update): void {
  const { configSet, succeededSet } = work.device;
  if (configSet === undefined || !("deploymentId" in configSet)) return;
  if (configSet.deploymentId !== update.deploymentId) return;
  const unseen = update.state === "timed_out" && update.deliveredAt === undefined;
  if (update.state === "canceled" || unseen) changeDevice(work, { configSet: succeededSet });
}

/** An attempt of which the device saw something has failed. */
function noteFailure(work: Work, from: UpdateState, { state, reason, deliveredAt }: Update): void {
  const { rest } = work.facts.limits;
  const isFailure =
    state === "retrying" || state === "failed" || state === "timed_out" || state === "aborted";
  if (rest === undefined || !isFailure || !isPhase(from)) return;
  if (deliveredAt === undefined || reason === "DEVICE_UNKNOWN") return;
  changeDevice(work, afterFailure(work.device, rest, work.facts.now));
}

function afterMove(work: Work, situation: Situation, row: Transition, update: Update): void {
  const from = situation.update.state;
  const confirmedNow = row.correction !== undefined && update.state === "succeeded";
  if (update.state === "succeeded" && (from !== "succeeded" || confirmedNow))
    noteSuccess(work, situation, update);
  if (from === "succeeded" && update.state === "failed") forgetSuccess(work, update);
  noteFailure(work, from, update);
  if (from !== update.state) takeValueBack(work, update);
}

function addEvents(work: Work, situation: Situation, row: Transition, update: Update): void {
  const { deployment } = situation;
  const from = situation.update.state;
  const { deploymentId, attempt, state: to, reason } = update;
  const event = {
    deploymentId,
    packageId: packageOf(deployment),
    version: deployment.version,
    attempt,
    from,
    to,
    reason,
  };
  if (to !== from) addEvent(work, { type: "update.changed", ...event });
  if (row.correction) addEvent(work, { type: "update.corrected", ...event });
}

/** Older wishes that still wait, and the live one, give way to a deployment's first write. */
function replaceOthers(work: Work, situation: Situation): void {
  const { deployment, entries } = situation;
  for (const other of entries) {
    const older = other.update.state !== "waiting" || other.deployment.seq < deployment.seq;
    if (other.deployment.id === deployment.id || isFinalState(other.update.state) || !older) continue;
    const replaced = situationOf(work, other.deployment.id, { replacedBy: deployment.id });
    const row = replaced && pickTransition(work.index, replaced, "REPLACED");
    if (replaced && row) addLine(work, { kind: "system", ...applyTransition(work, replaced, row) });
  }
}

/** Carries a row out on the work, and answers what a history line is to say of it. */
export function applyTransition(work: Work, situation: Situation, row: Transition): ChangeOfState {
  if (row.refused !== undefined) return {};
  const { update } = situation;
  if (row.effects?.includes("write") && update.state === "waiting") replaceOthers(work, situation);
  const to = row.to === "same" ? update.state : row.to;
  const reason = row.reason === "given" ? situation.reason : row.reason;
  let next = change(update, {
    ...stateChanges(situation, row, to, reason),
    ...deadlineChanges(situation, row),
    ...correctionChanges(situation, row, to),
  });
  for (const name of row.effects ?? []) next = effects[name](work, situation, next);
  setUpdate(work, next);
  addEvents(work, situation, row, next);
  afterMove(work, situation, row, next);
  const { deploymentId, attempt } = next;
  return to === update.state
    ? { deploymentId, attempt }
    : { deploymentId, attempt, from: update.state, to, reason };
}

/** Finds the row for a trigger and carries it out; `undefined` when the table has none. */
export function runTrigger(
  work: Work,
  situation: Situation,
  on: Trigger,
): { readonly row: Transition; readonly change: ChangeOfState } | undefined {
  const row = pickTransition(work.index, situation, on);
  return row && { row, change: applyTransition(work, situation, row) };
}
