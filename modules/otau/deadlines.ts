import type { Changes } from "./change.ts";
import type { Deployment, Ms, Outage, Update } from "./model.ts";
import { type PhaseTimeoutName, progressStatuses } from "./vocabulary.ts";

/** An undelivered write gives its slot of `maxConcurrent` back after this time. */
export const slotUnusedMs = 60_000;

/** Which time-out runs after a report of the rank; 0 = written, nothing heard. */
export function timeoutOfRank(rank: number): PhaseTimeoutName {
  const status = progressStatuses[rank - 1];
  if (status === undefined) return "acknowledgeMs";
  if (status === "INSTALL_SUCCESS") return "confirmMs";
  if (status === "DOWNLOAD_SUCCESS" || status.startsWith("INSTALL")) return "installMs";
  return status === "TEST_SUCCESS" || status.startsWith("DOWNLOAD") ? "downloadMs" : "testMs";
}

/** Starts the named time-out at `now`; one that is switched off leaves no deadline. */
export function startDeadline(deployment: Deployment, name: PhaseTimeoutName, now: Ms): Changes<Update> {
  const timeoutMs = deployment.timeouts[name];
  return { deadlineOf: name, deadlineAt: timeoutMs === null ? undefined : now + timeoutMs };
}

/**
 * When a deadline fires. One that fell due in an outage fires a grace after recovery, as nobody could be heard
 * meanwhile; `Infinity` while the outage lasts.
 */
export function fireAt(deadlineAt: Ms, outages: readonly Outage[], graceMs: Ms): Ms {
  let at = deadlineAt;
  for (const outage of outages.toSorted((a, b) => a.from - b.from)) {
    if (at < outage.from) break;
    if (outage.to === undefined) return Number.POSITIVE_INFINITY;
    if (at <= outage.to) at = outage.to + graceMs;
  }
  return at;
}
