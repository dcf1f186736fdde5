import { applyTransition, runTrigger } from "./apply-transition.ts";
import { type Changes, change } from "./change.ts";
import { type Concern, findConcern } from "./concerns.ts";
import { deliveredChanges } from "./effects.ts";
import type { DeviceEvent, LastReport, Outcome, Update } from "./model.ts";
import { packageOf } from "./package-of.ts";
import { addReportLine, countStep } from "./report-lines.ts";
import type { Heard, Situation } from "./situation.ts";
import type { Transition } from "./transition.ts";
import { type Decision, rankOf } from "./vocabulary.ts";
import {
  addEvent,
  addLine,
  changeDevice,
  entriesOfWork,
  finishWork,
  setUpdate,
  situationOf,
  type Work,
} from "./work.ts";
import { liveEntry, newestWritten } from "./written.ts";

type ReportEvent = Extract<DeviceEvent, { type: "report" }>;

/** A value of the update's version reached the device before the update's last write. */
function versionDeliveredBefore({ update, deployment, entries }: Situation): boolean {
  if (update.deliveredBefore) return true;
  return entries.some(
    (other) =>
      other.deployment.seq < deployment.seq &&
      other.deployment.version === deployment.version &&
      other.update.everDelivered === true,
  );
}

/** Whether a stamp supplied with the report says that it is of another time (contract 3). */
function isStale(work: Work, heard: Heard, concern: Concern | undefined): boolean {
  if (!heard.stampSupplied) return false;
  const latest = heard.stampedAt + work.facts.limits.clockSkewMs;
  if (heard.status === "INSTALLED_VERSION") {
    const { installedStampedAt } = work.device;
    return installedStampedAt !== undefined && latest < installedStampedAt;
  }
  const sentAt = concern?.situation.update.sentAt;
  if (concern === undefined || sentAt === undefined || latest >= sentAt) return false;
  return versionDeliveredBefore(concern.situation);
}

/** What an INSTALLED_VERSION says of the device itself, whatever update it concerns. */
function takeInstalledVersion(work: Work, heard: Heard): void {
  if (heard.status !== "INSTALLED_VERSION") return;
  const { version, stampedAt } = heard;
  const { installedVersion, confirmedVersion } = work.device;
  changeDevice(work, {
    installedVersion: version,
    installedStampedAt: stampedAt,
    drifted: confirmedVersion !== undefined && confirmedVersion !== version,
  });
  if (installedVersion !== version) addEvent(work, { type: "device.changed", version });
  for (const { update, deployment } of entriesOfWork(work)) {
    // It has reported another version since the write: naming the target means something again.
    if (deployment.version !== version) {
      setUpdate(work, change(update, { hadTarget: undefined, heardTarget: undefined }));
    }
  }
}

function lastReportChanges(heard: Heard, update: Update): Changes<Update> {
  const { status, message } = heard;
  // What came late says nothing of how far the attempt had got: an older stamp is measured by the newest.
  const stampedAt = Math.max(heard.stampedAt, update.lastReport?.stampedAt ?? heard.stampedAt);
  const progressed = rankOf(status) > 0;
  return {
    lastReport: change<LastReport>(update.lastReport ?? { status, stampedAt }, {
      status,
      message,
      stampedAt,
    }),
    ...(progressed ? { progressStampedAt: Math.max(heard.stampedAt, update.progressStampedAt ?? 0) } : {}),
  };
}

/** What a report leaves on the live update whatever row it takes. */
function heardChanges(
  { update, deployment, facts }: Situation,
  heard: Heard,
  decision: Decision,
): Changes<Update> {
  const { status, message, version, stampedAt } = heard;
  const ofThisAttempt = version === deployment.version;
  const isDelivery = ofThisAttempt && status !== "INSTALLED_VERSION";
  const applied = decision === "applied" || decision === "restart";
  return {
    otherVersion: ofThisAttempt ? undefined : version,
    ...(decision === "unmatched" ? {} : { lastReportAt: facts.now }),
    ...(ofThisAttempt ? lastReportChanges(heard, update) : {}),
    ...(isDelivery ? deliveredChanges(update, deployment, facts.now) : {}),
    ...(applied ? { status, message } : {}),
    ...(applied && rankOf(status) > 0 ? { rank: rankOf(status) } : {}),
    ...(applied && status === "INSTALL_SUCCESS" ? { installSuccessAt: stampedAt } : {}),
  };
}

function correctedChanges({ facts }: Situation, heard: Heard): Changes<Update> {
  const { status, message, stampedAt } = heard;
  const installed = status === "INSTALL_SUCCESS" ? { installSuccessAt: stampedAt } : {};
  return { status, message, lastReportAt: facts.now, ...installed };
}

/** The situation with what was heard already in the update, for the row to go on from. */
function withHeard(work: Work, concern: Concern, heard: Heard, row: Transition): Situation {
  const { by } = concern;
  const { heard: _, reason, update } = concern.situation;
  const now = situationOf(work, update.deploymentId, reason === undefined ? { heard } : { heard, reason });
  const situation = now ?? concern.situation;
  const decision = row.decision ?? "late";
  if (by === "final") return situation;
  const changes =
    by === "live" ? heardChanges(situation, heard, decision) : correctedChanges(situation, heard);
  return { ...situation, update: change(situation.update, changes) };
}

/** A version that was called off, and is there nevertheless. */
function noteInstalledAnyway(work: Work, heard: Heard): void {
  if (heard.status !== "INSTALLED_VERSION" && heard.status !== "INSTALL_SUCCESS") return;
  const newest = newestWritten(entriesOfWork(work), heard.version);
  const situation = newest && situationOf(work, newest.deployment.id, { heard });
  if (situation) runTrigger(work, situation, "INSTALLED_ANYWAY");
}

/** A report of another version than the live update's is noted on that one. */
function noteOtherVersion(work: Work, heard: Heard): string | undefined {
  const live = liveEntry(entriesOfWork(work));
  if (live === undefined || live.deployment.version === heard.version) return undefined;
  setUpdate(work, change(live.update, { otherVersion: heard.version }));
  return live.deployment.id;
}

function noteOf(
  work: Work,
  heard: Heard,
  decision: Decision,
  deploymentId: string | undefined,
): string | undefined {
  const deployment = deploymentId === undefined ? undefined : work.facts.deployments.get(deploymentId);
  if (decision !== "unmatched" || deployment === undefined) return undefined;
  return `It names version ${heard.version}; version ${deployment.version} is under way.`;
}

function concernIdOf(work: Work, heard: Heard, concern: Concern | undefined): string | undefined {
  const live = noteOtherVersion(work, heard);
  return concern?.situation.update.deploymentId ?? live;
}

type Judged = { readonly decision: Decision; readonly aboveRate: boolean; readonly deploymentId?: string };

function addDecided(work: Work, heard: Heard, decision: Decision, deploymentId: string | undefined): void {
  const { version, status, message } = heard;
  const update = work.device.updates.find((one) => one.deploymentId === deploymentId);
  const deployment = deploymentId === undefined ? undefined : work.facts.deployments.get(deploymentId);
  addEvent(work, {
    type: "report.decided",
    deploymentId,
    packageId: deployment && packageOf(deployment),
    attempt: update?.attempt,
    version,
    status,
    message,
    decision,
  });
}

function decideHeard(work: Work, heard: Heard): Outcome {
  const aboveRate = countStep(work, heard);
  const concern = findConcern(work, heard);
  const stale = isStale(work, heard, concern);
  const decision = stale ? "stale" : (concern?.row.decision ?? "unmatched");
  if (stale) {
    const deploymentId = concern?.situation.update.deploymentId;
    addDecided(work, heard, decision, deploymentId);
    addReportLine(
      work,
      heard,
      decision,
      aboveRate,
      concern ? { deploymentId, attempt: concern.situation.update.attempt } : {},
    );
    return finishWork(work, { decision, ...(deploymentId === undefined ? {} : { deploymentId }) });
  }
  return carryOut(work, heard, concern, { decision, aboveRate });
}

function carryOut(
  work: Work,
  heard: Heard,
  concern: Concern | undefined,
  { decision, aboveRate }: Judged,
): Outcome {
  takeInstalledVersion(work, heard);
  const deploymentId = concernIdOf(work, heard, concern);
  addDecided(work, heard, decision, deploymentId);
  noteInstalledAnyway(work, heard);
  const note = noteOf(work, heard, decision, deploymentId);
  const attempt = work.device.updates.find((one) => one.deploymentId === deploymentId)?.attempt;
  const change = concern
    ? applyTransition(work, withHeard(work, concern, heard, concern.row), concern.row)
    : { deploymentId, attempt };
  addReportLine(work, heard, decision, aboveRate, note === undefined ? change : { ...change, note });
  return finishWork(work, deploymentId === undefined ? { decision } : { decision, deploymentId });
}

/** What a report means for the device: always a decision, always a history line or a fold into one. */
export function decideReport(work: Work, event: ReportEvent): Outcome {
  const { report, stampedAt, stampSupplied, clockWrong } = event;
  if (report.ok) {
    return decideHeard(work, { ...report, stampedAt, stampSupplied, ...(clockWrong ? { clockWrong } : {}) });
  }
  const decision = "rejected";
  addEvent(work, { type: "report.decided", decision });
  addLine(work, { kind: "report", raw: report.raw, stampedAt, clockWrong, decision, note: report.why });
  return finishWork(work, { decision });
}
