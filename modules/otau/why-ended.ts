import type { Ms } from "./model.ts";
import { isFinalState, type Reason } from "./vocabulary.ts";
import type { WhyDetails, WhyReply, WhyRule, WhySubject } from "./why-facts.ts";
import { timeText } from "./why-words.ts";

const endedAtOf = ({ update, facts }: WhySubject): Ms =>
  update.endedAt ?? facts.stateSince.get(update.deploymentId) ?? update.createdAt;

function endDetails({ update }: WhySubject): WhyDetails {
  const { reason, phase, status, message, endedAt, installedAnyway, deviceMayFinish } = update;
  return {
    ...(reason === undefined ? {} : { reason }),
    ...(phase === undefined ? {} : { phase }),
    ...(status === undefined ? {} : { status }),
    ...(message === undefined ? {} : { message }),
    ...(endedAt === undefined ? {} : { endedAt: timeText(endedAt) }),
    ...(installedAnyway ? { installedAnyway } : {}),
    ...(deviceMayFinish ? { deviceMayFinish } : {}),
  };
}

/** In which phase and attempt it ended, and the device's own words. */
function circumstances({ update }: WhySubject): string {
  const { phase, attempt, maxAttempts, message } = update;
  const where = phase === undefined ? "" : ` in phase ${phase}`;
  const tries = attempt === 0 ? "" : ` in attempt ${attempt} of ${maxAttempts}`;
  return `${where}${tries}${message === undefined ? "" : `; the device said "${message}"`}`;
}

function ended(subject: WhySubject, text: string): WhyReply {
  return { since: endedAtOf(subject), text, details: endDetails(subject) };
}

function failed(subject: WhySubject): WhyReply | undefined {
  const { update, deployment } = subject;
  if (update.state !== "failed") return undefined;
  return ended(
    subject,
    `The update to ${deployment.version} failed with ${update.reason ?? "an error"}${circumstances(subject)}. Retry it when the cause is gone.`,
  );
}

function timedOut(subject: WhySubject): WhyReply | undefined {
  const { update, deployment } = subject;
  if (update.state !== "timed_out") return undefined;
  const last = update.status === undefined ? "" : `, last report ${update.status}`;
  return ended(
    subject,
    `The update to ${deployment.version} timed out with ${update.reason ?? "a time-out"}${last}${circumstances(subject)}. Retry it when the device is well.`,
  );
}

function aborted(subject: WhySubject): WhyReply | undefined {
  const { update, deployment } = subject;
  if (update.state !== "aborted") return undefined;
  return ended(
    subject,
    `The device aborted the update to ${deployment.version}${circumstances(subject)}. Retry it if it is still wanted.`,
  );
}

const cancelCauses: Partial<Record<Reason, string>> = {
  WITHDRAWN: "because its package was withdrawn",
  GATE: "by the gate of its deployment, as too many updates failed",
  DEVICE_DELETED: "because the device was deleted",
};

function canceled(subject: WhySubject): WhyReply | undefined {
  const { update, deployment, rollout } = subject;
  const calledOff = !isFinalState(update.state) && deployment.state === "canceled";
  if (!calledOff && (update.state !== "canceled" || update.reason === "EXPIRED")) return undefined;
  const cause = (update.reason && cancelCauses[update.reason]) ?? "by an operator";
  const after = update.installedAnyway
    ? " The device reported it as installed all the same."
    : update.deviceMayFinish
      ? " The device had been handed it and may still finish it."
      : "";
  const reply = ended(subject, `The update to ${deployment.version} was canceled ${cause}.${after}`);
  return calledOff ? { ...reply, since: rollout.stateSince ?? reply.since } : reply;
}

function expired(subject: WhySubject): WhyReply | undefined {
  const { update, deployment } = subject;
  const isOver = update.state === "canceled" && update.reason === "EXPIRED";
  if (!isOver && isFinalState(update.state)) return undefined;
  const reply = (text: string) => ended(subject, text);
  const { expiresAt } = deployment;
  // Held by a pause or a halt, it may also run out of its total time.
  if (expiresAt === undefined || (isOver && expiresAt > endedAtOf(subject))) {
    return reply(
      `The update to ${deployment.version} ran out of its total time while its deployment was held back. Apply the package again if it is still wanted.`,
    );
  }
  const over = reply(
    `The update to ${deployment.version} expired at ${timeText(expiresAt)}, before it was done. Apply the package again if it is still wanted.`,
  );
  return isOver ? over : { ...over, since: expiresAt };
}

function superseded(subject: WhySubject): WhyReply | undefined {
  const { update, deployment } = subject;
  if (update.state !== "superseded") return undefined;
  const by = update.supersededBy === undefined ? "a newer one" : `deployment ${update.supersededBy}`;
  return ended(subject, `The update to ${deployment.version} was superseded by ${by}.`);
}

function drifted(subject: WhySubject): WhyReply | undefined {
  const { device, installedSince } = subject.facts;
  if (!device.drifted) return undefined;
  return {
    since: installedSince ?? device.installedStampedAt ?? endedAtOf(subject),
    text: `The device runs ${device.installedVersion ?? "an unknown version"}, though ${device.confirmedVersion ?? "another one"} was the last version confirmed on it: something else changed it. Apply a package to bring it back.`,
    details: {
      ...(device.confirmedVersion === undefined ? {} : { confirmedVersion: device.confirmedVersion }),
    },
  };
}

function alreadyInstalled(subject: WhySubject): WhyReply | undefined {
  const { update, deployment } = subject;
  if (update.state !== "skipped" || update.reason !== "ALREADY_INSTALLED") return undefined;
  return ended(
    subject,
    `The device ran ${deployment.version} already when deployment ${deployment.id} came to it, so nothing was written. Apply with "force" to install it again.`,
  );
}

function upToDate(subject: WhySubject): WhyReply {
  const { update, deployment, facts } = subject;
  const { version } = deployment;
  if (update.state === "skipped") {
    const runs = facts.device.installedVersion ?? "another version";
    const why = update.reason === "DOWNGRADE" ? "that would be a downgrade" : (update.reason ?? "not needed");
    return ended(subject, `The device runs ${runs}; the update to ${version} was left out: ${why}.`);
  }
  const sure = update.confirmed ? "and confirmed it" : "but has not confirmed it as its installed version";
  return ended(subject, `The device is up to date: it installed ${version} ${sure}.`);
}

/** How the last update ended, the first in force first. */
export const endedRules: readonly WhyRule[] = [
  { code: "FAILED", explain: failed },
  { code: "TIMED_OUT", explain: timedOut },
  { code: "ABORTED", explain: aborted },
  { code: "CANCELED", explain: canceled },
  { code: "EXPIRED", explain: expired },
  { code: "SUPERSEDED", explain: superseded },
  { code: "DRIFTED", explain: drifted },
  { code: "ALREADY_INSTALLED", explain: alreadyInstalled },
  { code: "UP_TO_DATE", explain: upToDate },
];
