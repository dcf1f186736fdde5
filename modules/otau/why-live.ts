import type { Ms, Update } from "./model.ts";
import { isPhase } from "./vocabulary.ts";
import type { WhyReply, WhyRule, WhySubject } from "./why-facts.ts";
import { comingText, durationText, sinceText, timeText } from "./why-words.ts";

/** A device that was heard from within this time is not silent. */
const heardWithinMs = 60_000;

/** The deadline that ends the wait, whichever comes first; undefined where both are switched off. */
function deadlineOf({ deadlineAt, totalDeadlineAt }: Update): Ms | undefined {
  const ends = [deadlineAt, totalDeadlineAt].filter((at) => at !== undefined);
  return ends.length === 0 ? undefined : Math.min(...ends);
}

function deadlineText(update: Update, now: Ms): string {
  const at = deadlineOf(update);
  return at === undefined ? "no time-out ends the wait" : `the time-out falls ${comingText(at, now)}`;
}

function seenText({ facts: { online, lastSeenAt, now } }: WhySubject): string {
  if (online) return "it is online";
  return lastSeenAt === undefined
    ? "it was never heard from"
    : `it was last heard from at ${timeText(lastSeenAt)} (${durationText(now - lastSeenAt)} ago)`;
}

function seenDetails({ facts: { online, lastSeenAt } }: WhySubject) {
  return { online, ...(lastSeenAt === undefined ? {} : { lastSeenAt: timeText(lastSeenAt) }) };
}

const sentAtOf = ({ update }: WhySubject): Ms => update.sentAt ?? update.createdAt;

function retryAt(subject: WhySubject): WhyReply | undefined {
  const { update, facts } = subject;
  if (update.state !== "retrying") return undefined;
  const { retryAt: at, reason, attempt, maxAttempts, message } = update;
  const why = `${reason ?? "an error"}${message === undefined ? "" : ` ("${message}")`}`;
  const when = at === undefined ? "soon" : comingText(at, facts.now);
  return {
    since: facts.stateSince.get(update.deploymentId) ?? update.lastReportAt ?? sentAtOf(subject),
    until: at,
    text: `Attempt ${attempt} of ${maxAttempts} to update to ${subject.deployment.version} ended with ${why}; the next one begins ${when}.`,
    details: { ...(reason ? { reason } : {}), ...(at === undefined ? {} : { retryAt: timeText(at) }) },
  };
}

function versionMismatch(subject: WhySubject): WhyReply | undefined {
  const { update, deployment, facts } = subject;
  const { otherVersion } = update;
  if (otherVersion === undefined) return undefined;
  return {
    since: facts.namedSince ?? update.lastReportAt ?? sentAtOf(subject),
    until: deadlineOf(update),
    text: `The update under way is to ${deployment.version}, but the device's last report names ${otherVersion}; ${deadlineText(update, facts.now)}.`,
    details: { reportedVersion: otherVersion, ...seenDetails(subject) },
  };
}

function offline(subject: WhySubject): WhyReply | undefined {
  const { update, deployment, facts } = subject;
  if (!isPhase(update.state) || update.deliveredAt !== undefined || facts.online) return undefined;
  const sentAt = sentAtOf(subject);
  return {
    since: Math.max(sentAt, facts.lastSeenAt ?? 0),
    until: deadlineOf(update),
    text: `The update to ${deployment.version} was written at ${timeText(sentAt)} and is handed over when the device comes online: ${seenText(subject)}; ${deadlineText(update, facts.now)}.`,
    details: { sentAt: timeText(sentAt), ...seenDetails(subject) },
  };
}

function notAcknowledged(subject: WhySubject): WhyReply | undefined {
  const { update, deployment, facts } = subject;
  if (update.state !== "sent") return undefined;
  const { deliveredAt } = update;
  const since = deliveredAt ?? sentAtOf(subject);
  const how =
    deliveredAt === undefined
      ? `was written ${sinceText(since, facts.now)} but not fetched yet, though the device is online`
      : `was handed over at ${timeText(since)} (${durationText(facts.now - since)} ago), and the device has not said that it begins`;
  return {
    since,
    until: deadlineOf(update),
    text: `The update to ${deployment.version} ${how}; ${deadlineText(update, facts.now)}.`,
    details: {
      delivered: deliveredAt !== undefined,
      ...(deliveredAt === undefined ? {} : { deliveredAt: timeText(deliveredAt) }),
      ...seenDetails(subject),
    },
  };
}

/** Not heard from at all for a while, or half of the time that its phase may take has passed without a report. */
function isSilent({ update, facts, deployment }: WhySubject, lastReportAt: Ms): boolean {
  const { now, online, lastSeenAt = 0 } = facts;
  const heardAt = Math.max(lastReportAt, lastSeenAt);
  if (!online && now - heardAt > heardWithinMs) return true;
  const timeoutMs = update.deadlineOf === undefined ? null : deployment.timeouts[update.deadlineOf];
  const allowedMs = timeoutMs === null ? 60 * heardWithinMs : timeoutMs / 2;
  return now - lastReportAt >= allowedMs;
}

function progressDetails(subject: WhySubject, lastReportAt: Ms) {
  const { status, message, phase } = subject.update;
  return {
    ...(phase === undefined ? {} : { phase }),
    ...(status === undefined ? {} : { status }),
    ...(message === undefined ? {} : { message }),
    lastReportAt: timeText(lastReportAt),
    ...seenDetails(subject),
  };
}

function silent(subject: WhySubject): WhyReply | undefined {
  const { update, deployment, facts } = subject;
  const lastReportAt = update.lastReportAt ?? sentAtOf(subject);
  if (!isSilent(subject, lastReportAt)) return undefined;
  return {
    since: lastReportAt,
    until: deadlineOf(update),
    text: `The device is ${update.state} ${deployment.version} and has reported nothing ${sinceText(lastReportAt, facts.now)}${update.status ? ` but ${update.status} before` : ""}; ${seenText(subject)}; ${deadlineText(update, facts.now)}.`,
    details: progressDetails(subject, lastReportAt),
  };
}

function inProgress(subject: WhySubject): WhyReply {
  const { update, deployment, facts } = subject;
  const lastReportAt = update.lastReportAt ?? sentAtOf(subject);
  const last = update.status === undefined ? "" : `, last report ${update.status}`;
  const said = update.message === undefined ? "" : ` ("${update.message}")`;
  return {
    since: update.startedAt ?? sentAtOf(subject),
    until: deadlineOf(update),
    text: `The update to ${deployment.version} is under way: ${update.state}, attempt ${update.attempt} of ${update.maxAttempts}${last}${said} ${durationText(facts.now - lastReportAt)} ago; ${deadlineText(update, facts.now)}.`,
    details: progressDetails(subject, lastReportAt),
  };
}

/** How a live update stands, the first in force first. */
export const liveRules: readonly WhyRule[] = [
  { code: "RETRY_AT", explain: retryAt },
  { code: "VERSION_MISMATCH", explain: versionMismatch },
  { code: "OFFLINE", explain: offline },
  { code: "NOT_ACKNOWLEDGED", explain: notAcknowledged },
  { code: "SILENT", explain: silent },
  { code: "IN_PROGRESS", explain: inProgress },
];
