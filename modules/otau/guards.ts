import { isExpired, mayRetry } from "./retry.ts";
import { isDowngrade } from "./rollout-guards.ts";
import type { Situation } from "./situation.ts";
import { rankOf } from "./vocabulary.ts";
import { type Entry, liveEntry, newerWritten } from "./written.ts";

/** INITs that may send one attempt back to its start; one more ends it. */
export const restartsMax = 10;
const handOverAgainEveryMs = 60_000;

type Guard = (situation: Situation) => boolean;

function reportIsOlderThan(stampedAt: number | undefined): Guard {
  return ({ heard }) =>
    heard?.stampSupplied === true && stampedAt !== undefined && heard.stampedAt < stampedAt;
}

function otherLive({ entries, update }: Situation): Entry | undefined {
  const live = liveEntry(entries);
  return live?.update.deploymentId === update.deploymentId ? undefined : live;
}

function samePackage({ deployment }: Situation, other: Entry): boolean {
  const direct = deployment.source === "device2" || other.deployment.source === "device2";
  return direct
    ? deployment.configText === other.deployment.configText
    : deployment.packageId === other.deployment.packageId;
}

const progressProvesInstall: Guard = (situation) => {
  const { update } = situation;
  if (update.progressStampedAt === undefined || update.attemptEndedBy === "error") return false;
  return !reportIsOlderThan(update.progressStampedAt)(situation);
};

const acknowledgeIsOver: Guard = ({ update, deployment }) =>
  deployment.timeouts.acknowledgeMs === null ||
  (update.deadlineAt ?? 0) <= (update.totalDeadlineAt ?? Number.POSITIVE_INFINITY);

/** The conditions that the rows of the table name; each looks at the update as it was before the event. */
export const guards = {
  // Of reports on the live update.
  "rank not below the one reached": ({ heard, update }) =>
    heard !== undefined && rankOf(heard.status) >= update.rank,
  "rank above INIT reached": ({ update }) => update.rank > 1,
  "stamp older than the last report": (situation) =>
    reportIsOlderThan(situation.update.lastReport?.stampedAt)(situation),
  "same as the last report": ({ heard, update }) =>
    heard?.status === update.lastReport?.status && heard?.message === update.lastReport?.message,
  "restarts used up": ({ update }) => update.restarts >= restartsMax,
  "may be retried": ({ update, deployment, reason, facts }) =>
    reason !== undefined && mayRetry(update, deployment, reason, facts.now),
  "ended by a time-out": ({ update }) => update.attemptEndedBy === "timeout",
  "target not there before, or proven by progress": (situation) =>
    situation.update.hadTarget !== true || progressProvesInstall(situation),
  "nothing else heard in this attempt": ({ update }) =>
    update.progressStampedAt === undefined &&
    (update.lastReport === undefined || update.lastReport.status === "INSTALLED_VERSION"),
  "stamp older than INSTALL_SUCCESS": (situation) =>
    reportIsOlderThan(situation.update.installSuccessAt)(situation),
  "delivered, and not handed over again within a minute": ({ update, deployment, facts }) =>
    update.deliveredAt !== undefined &&
    deployment.state === "running" &&
    (update.handedAgainAt === undefined || facts.now - update.handedAgainAt >= handOverAgainEveryMs),
  // Of how success is confirmed.
  "confirm is optional": ({ deployment }) => deployment.confirm === "optional",
  "confirm is optional and waits for nothing": ({ deployment }) =>
    deployment.confirm === "optional" && deployment.timeouts.confirmMs === null,
  "target was heard after delivery": ({ update }) => update.heardTarget === true,
  "target was heard after delivery, acknowledge deadline over or none": (situation) =>
    situation.update.heardTarget === true && acknowledgeIsOver(situation),
  // Of final states.
  unconfirmed: ({ update }) => update.confirmed === false,
  "unconfirmed, and target not there before": ({ update }) =>
    update.confirmed === false && update.hadTarget !== true,
  "target not there before": ({ update }) => update.hadTarget !== true,
  "unconfirmed, and back to the version before": (situation) => {
    const { update, heard } = situation;
    if (update.confirmed !== false || reportIsOlderThan(update.installSuccessAt)(situation)) return false;
    return update.installedAtWrite === undefined || update.installedAtWrite === heard?.version;
  },
  // Of the deployment and the device.
  "paused or halted": ({ deployment }) => deployment.state === "paused" || deployment.state === "halted",
  "package withdrawn": ({ deployment }) => deployment.withdrawn,
  expired: ({ deployment, facts }) => isExpired(deployment, facts.now),
  undelivered: ({ update }) => update.deliveredAt === undefined,
  "written by a newer deployment": ({ entries, deployment }) =>
    newerWritten(entries, deployment.seq) !== undefined,
  "target installed, no other version live, not forced": (situation) => {
    const { device, deployment } = situation;
    if (deployment.force || device.installedVersion !== deployment.version) return false;
    const live = otherLive(situation);
    return live === undefined || live.deployment.version === deployment.version;
  },
  "a newer version is installed, downgrades guarded": ({ device, deployment }) =>
    isDowngrade(deployment, device.installedVersion),
  "the device rests": ({ device, facts }) =>
    facts.limits.rest !== undefined && (device.restUntil ?? 0) > facts.now,
  "same package live, delivered or begun, not forced": (situation) => {
    const live = otherLive(situation);
    if (live === undefined || situation.deployment.force || !samePackage(situation, live)) return false;
    return live.update.deliveredAt !== undefined || live.update.state !== "sent";
  },
  "another one live, onActive queue": (situation) =>
    situation.deployment.onActive === "queue" && otherLive(situation) !== undefined,
  "another one live, onActive reject": (situation) =>
    situation.deployment.onActive === "reject" && otherLive(situation) !== undefined,
  "an older one waits in a running deployment, onActive queue": ({ deployment, entries }) =>
    deployment.onActive === "queue" &&
    entries.some(
      (other) =>
        other.update.state === "waiting" &&
        other.deployment.seq < deployment.seq &&
        other.deployment.state === "running",
    ),
  "retry is due": ({ update, facts }) =>
    update.ready === true || (update.retryAt !== undefined && update.retryAt <= facts.now),
} as const satisfies Record<string, Guard>;

export type GuardName = keyof typeof guards;
