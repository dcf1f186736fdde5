import type { WhyReply, WhyRule, WhySubject } from "./why-facts.ts";
import { comingText, countText, durationText, sinceText, timeText } from "./why-words.ts";
import { type Entry, entriesOf, liveEntry } from "./written.ts";

/** Since when the update waits for its write. */
function waitingSince({ update, facts }: WhySubject): number {
  return facts.stateSince.get(update.deploymentId) ?? update.createdAt;
}

/** What the update is, at the head of a sentence. */
const headOf = ({ deployment }: WhySubject) => `The update to ${deployment.version}`;

/** A write that could be made now: the first one, or a retry whose time has come. */
function isDue({ update, facts }: WhySubject): boolean {
  return update.state === "waiting" || update.ready === true || (update.retryAt ?? Infinity) <= facts.now;
}

function withdrawn(subject: WhySubject): WhyReply | undefined {
  const { deployment, rollout, update, facts } = subject;
  if (!deployment.withdrawn) return undefined;
  const { at, reason } = rollout.withdrawn ?? {};
  const since = at ?? waitingSince(subject);
  const what = update.state === "waiting" ? "is not written" : "is not tried again";
  return {
    since,
    text: `${headOf(subject)} ${what}: package ${deployment.packageId} is withdrawn ${sinceText(since, facts.now)}${reason ? `, because: ${reason}` : ""}. Restore the package to go on.`,
    details: { withdrawnAt: timeText(since), ...(reason ? { withdrawnReason: reason } : {}) },
  };
}

function halted(subject: WhySubject): WhyReply | undefined {
  const { deployment, rollout, facts } = subject;
  if (deployment.state !== "halted") return undefined;
  const since = rollout.stateSince ?? waitingSince(subject);
  const { gate } = rollout;
  const limit = gate?.maxFailedPercent === undefined ? "" : `, with ${gate.maxFailedPercent} % as its limit`;
  const figures = gate
    ? `: ${gate.failed} of ${countText(gate.counted, "finished update")} failed (${gate.percent} %${limit})`
    : "";
  return {
    since,
    text: `${headOf(subject)} is held back: deployment ${deployment.id} was halted by its gate ${sinceText(since, facts.now)}${figures}. Resume it to accept these failures, or cancel it.`,
    details: gate ? { gate } : {},
  };
}

function paused(subject: WhySubject): WhyReply | undefined {
  const { deployment, rollout, facts } = subject;
  if (deployment.state !== "paused") return undefined;
  const since = rollout.stateSince ?? waitingSince(subject);
  return {
    since,
    text: `${headOf(subject)} is held back: deployment ${deployment.id} is paused ${sinceText(since, facts.now)}. Resume it to go on.`,
  };
}

function scheduled(subject: WhySubject): WhyReply | undefined {
  const { deployment, rollout, facts } = subject;
  if (deployment.state !== "scheduled") return undefined;
  const { startAt } = rollout;
  const when = startAt === undefined ? "later" : comingText(startAt, facts.now);
  return {
    since: waitingSince(subject),
    until: startAt,
    text: `${headOf(subject)} is scheduled: deployment ${deployment.id} starts ${when}.`,
    details: startAt === undefined ? {} : { startAt: timeText(startAt) },
  };
}

/** Where the device stands in the waves, when its own is still closed. */
function closedWave({ update, rollout }: WhySubject) {
  const { wave } = rollout;
  if (update.state !== "waiting" || wave === undefined || wave.own <= wave.open) return undefined;
  const { own, open, of, finals, size, advancePercent } = wave;
  return {
    ...wave,
    needed: Math.ceil((size * advancePercent) / 100),
    details: { wave: { own, open, of, finals, size, advancePercent } },
  };
}

function approval(subject: WhySubject): WhyReply | undefined {
  const wave = closedWave(subject);
  if (wave?.approvalSince === undefined) return undefined;
  return {
    since: wave.approvalSince,
    text: `${headOf(subject)} waits for an approval ${sinceText(wave.approvalSince, subject.facts.now)}: wave ${wave.open} of ${wave.of} is done (${wave.finals} of ${wave.size} final), and wave ${wave.open + 1} opens when somebody advances deployment ${subject.deployment.id}. The device is in wave ${wave.own}.`,
    details: wave.details,
  };
}

function laterWave(subject: WhySubject): WhyReply | undefined {
  const wave = closedWave(subject);
  if (wave === undefined) return undefined;
  return {
    since: waitingSince(subject),
    text: `${headOf(subject)} waits for its wave: the device is in wave ${wave.own} of ${wave.of}, and wave ${wave.open} is open with ${wave.finals} of ${wave.size} updates final; the next opens at ${wave.needed} (${wave.advancePercent} %).`,
    details: wave.details,
  };
}

function closedWindow(subject: WhySubject): WhyReply | undefined {
  const { window } = subject.rollout;
  if (window === undefined || !isDue(subject)) return undefined;
  const { opensAt, closedAt, timeZone } = window;
  const when =
    opensAt === undefined
      ? "none will open any more"
      : `the next one opens ${comingText(opensAt, subject.facts.now)}`;
  return {
    since: Math.max(waitingSince(subject), closedAt ?? 0),
    until: opensAt,
    text: `${headOf(subject)} waits for a maintenance window${timeZone ? ` (${timeZone})` : ""}: ${when}.`,
    details: {
      ...(opensAt === undefined ? {} : { opensAt: timeText(opensAt) }),
      ...(timeZone === undefined ? {} : { timeZone }),
    },
  };
}

function rateReply(subject: WhySubject, perMinute: number, nextAt: number): WhyReply {
  return {
    since: waitingSince(subject),
    until: nextAt,
    text: `${headOf(subject)} waits for its turn: deployment ${subject.deployment.id} writes to ${countText(perMinute, "device")} a minute, and the next place is free ${comingText(nextAt, subject.facts.now)}.`,
    details: { ratePerMinute: perMinute, nextPlaceAt: timeText(nextAt) },
  };
}

/** With `queue`: the update that goes first, a live one or an older one that waits in a running deployment. */
function aheadOf({ update, deployment, facts }: WhySubject): Entry | undefined {
  if (update.state !== "waiting" || deployment.onActive !== "queue") return undefined;
  const entries = entriesOf(facts.device, facts.deployments);
  const older = entries.find(
    (other) =>
      other.update.state === "waiting" &&
      other.deployment.seq < deployment.seq &&
      other.deployment.state === "running",
  );
  return liveEntry(entries) ?? older;
}

function rate(subject: WhySubject): WhyReply | undefined {
  const limit = subject.rollout.rate;
  if (limit === undefined || limit.nextAt <= subject.facts.now) return undefined;
  if (aheadOf(subject) !== undefined || !isDue(subject)) return undefined;
  return rateReply(subject, limit.perMinute, limit.nextAt);
}

function slot(subject: WhySubject): WhyReply | undefined {
  const { slots } = subject.rollout;
  if (slots === undefined || slots.held < slots.max) return undefined;
  if (aheadOf(subject) !== undefined || !isDue(subject)) return undefined;
  return {
    since: waitingSince(subject),
    text: `${headOf(subject)} waits for a free slot: ${slots.held} of ${slots.max} updates that deployment ${subject.deployment.id} may have under way at once are.`,
    details: { slots: { held: slots.held, max: slots.max } },
  };
}

function queued(subject: WhySubject): WhyReply | undefined {
  const ahead = aheadOf(subject);
  if (ahead === undefined) return undefined;
  return {
    since: waitingSince(subject),
    text: `${headOf(subject)} is queued behind the update to ${ahead.deployment.version} (deployment ${ahead.deployment.id}), which is ${ahead.update.state}.`,
    details: {
      behind: {
        deploymentId: ahead.deployment.id,
        version: ahead.deployment.version,
        state: ahead.update.state,
      },
    },
  };
}

function resting(subject: WhySubject): WhyReply | undefined {
  const { rest, now } = subject.facts;
  if (rest === undefined || rest.until <= now || !isDue(subject)) return undefined;
  return {
    since: rest.since,
    until: rest.until,
    text: `The device rests after ${countText(rest.failures, "failure")} within ${durationText(rest.withinMs)}: its next update is written ${comingText(rest.until, now)}.`,
    details: { failures: rest.failures, withinMs: rest.withinMs },
  };
}

/** Nothing stands against it but the turn it takes: a place in the rate that is free just now, or the releaser. */
function nextInLine(subject: WhySubject): WhyReply | undefined {
  if (subject.update.state !== "waiting") return undefined;
  return {
    since: waitingSince(subject),
    text: `${headOf(subject)} is next in line: it is written any moment now.`,
  };
}

function turnInRate(subject: WhySubject): WhyReply | undefined {
  const limit = subject.rollout.rate;
  if (limit === undefined || subject.update.state !== "waiting") return undefined;
  return rateReply(subject, limit.perMinute, limit.nextAt);
}

/** Reasons why an update is not written, the first in force first. The last two hold where no other does. */
export const waitingRules: readonly WhyRule[] = [
  { code: "WITHDRAWN", explain: withdrawn },
  { code: "HALTED", explain: halted },
  { code: "PAUSED", explain: paused },
  { code: "SCHEDULED", explain: scheduled },
  { code: "APPROVAL", explain: approval },
  { code: "WAVE", explain: laterWave },
  { code: "WINDOW", explain: closedWindow },
  { code: "RATE", explain: rate },
  { code: "SLOT", explain: slot },
  { code: "QUEUED", explain: queued },
  { code: "RESTING", explain: resting },
  { code: "RATE", explain: turnInRate },
  { code: "QUEUED", explain: nextInLine },
];
