import { type Changes, change } from "./change.ts";
import { startDeadline } from "./deadlines.ts";
import type { Deployment, Update } from "./model.ts";
import type { Situation } from "./situation.ts";
import type { EffectName } from "./transition.ts";
import { isPhase, rankOf } from "./vocabulary.ts";
import { addLine, changeDevice, nextTimestampUs, type Work } from "./work.ts";
import { newerWritten } from "./written.ts";

/** What an effect does to the update, given the situation before the row and the update as the row has it so far. */
type Effect = (work: Work, situation: Situation, update: Update) => Update;

/** The clocks that a write by a connector left standing: in `sent` without a deadline's name none has begun. */
function begunClocks(update: Update, deployment: Deployment, now: number): Changes<Update> {
  if (update.state !== "sent" || update.deadlineOf !== undefined) return {};
  const { totalMs } = deployment.timeouts;
  const totalDeadlineAt = totalMs === null ? undefined : now + totalMs;
  return {
    ...startDeadline(deployment, "acknowledgeMs", now),
    totalDeadlineAt: update.totalDeadlineAt ?? totalDeadlineAt,
  };
}

/** Marks the current attempt as seen by the device; it takes its slot again if it had given it back. */
export function deliveredChanges(update: Update, deployment: Deployment, now: number): Changes<Update> {
  return {
    ...begunClocks(update, deployment, now),
    deliveredAt: update.deliveredAt ?? now,
    everDelivered: true,
    ...(isPhase(update.state) ? { slot: true as const } : {}),
  };
}

/** What the attempts before left behind and a new one begins without. */
const freshAttempt: Changes<Update> = {
  deliveredAt: undefined,
  startedAt: undefined,
  rank: 0,
  restarts: 0,
  lastReport: undefined,
  progressStampedAt: undefined,
  installSuccessAt: undefined,
  attemptEndedBy: undefined,
  heardTarget: undefined,
  handedAgainAt: undefined,
  handedAgainSeq: undefined,
  otherVersion: undefined,
};

function totalDeadlineChanges(situation: Situation): Changes<Update> {
  const { update, deployment, facts } = situation;
  const { totalMs } = deployment.timeouts;
  // Only the first write of a series starts it; it runs over all attempts.
  if (update.state !== "waiting") return {};
  return { totalDeadlineAt: totalMs === null || facts.viaConnector ? undefined : facts.now + totalMs };
}

const write: Effect = (work, situation, update) => {
  const { deployment } = situation;
  const { installedVersion } = work.device;
  const timestampUs = nextTimestampUs(work);
  changeDevice(work, { configSet: { deploymentId: deployment.id, timestampUs }, fold: undefined });
  work.writes = true;
  work.notify = true;
  return change(update, {
    ...freshAttempt,
    ...totalDeadlineChanges(situation),
    attempt: update.attempt + 1,
    sentAt: work.facts.now,
    deliveredBefore: update.everDelivered,
    hadTarget: installedVersion === deployment.version ? true : undefined,
    installedAtWrite: installedVersion,
    timestampUs,
    slot: true,
  });
};

const handOverAgain: Effect = (work, situation, update) => {
  const timestampUs = nextTimestampUs(work);
  const deploymentId = situation.deployment.id;
  const { now } = work.facts;
  changeDevice(work, { configSet: { deploymentId, timestampUs } });
  work.notify = true;
  let handedAgainSeq = update.handedAgainSeq;
  if (handedAgainSeq === undefined) {
    const { attempt } = update;
    const note = "Handed over again, as the device rebooted before it began.";
    handedAgainSeq = addLine(work, { kind: "write", deploymentId, attempt, count: 1, lastAt: now, note });
  } else {
    work.folds.push({ seq: handedAgainSeq, lastAt: now });
  }
  return change(update, { timestampUs, handedAgainAt: now, handedAgainSeq });
};

function reopenChanges(update: Update, deployment: Deployment): Changes<Update> {
  return {
    attemptBase: update.attempt,
    maxAttempts: update.attempt + deployment.retry.maxAttempts,
    late: undefined,
    endedAt: undefined,
    deviceMayFinish: undefined,
    ready: true,
  };
}

/** The effects that the rows of the table name. */
export const effects: Readonly<Record<EffectName, Effect>> = {
  write,
  "hand over again": handOverAgain,
  restart: (_work, _situation, update) =>
    change(update, {
      restarts: update.restarts + 1,
      rank: rankOf("INIT"),
      installSuccessAt: undefined,
    }),
  "note target": (_work, _situation, update) =>
    update.state === "sent" && update.deliveredAt !== undefined
      ? change(update, { heardTarget: true })
      : update,
  "hold back": (_work, _situation, update) => change(update, { ready: undefined }),
  "make ready": (_work, _situation, update) => change(update, { ready: true }),
  "retry after the rest": (work, _situation, update) =>
    change(update, { ready: undefined, retryAt: work.device.restUntil }),
  deliver: (work, { deployment }, update) =>
    change(update, deliveredChanges(update, deployment, work.facts.now)),
  "give slot back": (_work, _situation, update) => change(update, { slot: undefined }),
  "name the newer one": (_work, situation, update) =>
    change(update, {
      supersededBy: newerWritten(situation.entries, situation.deployment.seq)?.deployment.id,
    }),
  reopen: (_work, situation, update) => change(update, reopenChanges(update, situation.deployment)),
  "mark installed anyway": (_work, _situation, update) => change(update, { installedAnyway: true }),
};
