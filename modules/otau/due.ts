import { fireAt, slotUnusedMs } from "./deadlines.ts";
import type { Deployment, Device, Limits, Ms, Outage } from "./model.ts";
import { isLiveState } from "./vocabulary.ts";
import { type Entry, entriesOf } from "./written.ts";

/** What time alone brings about. */
export type TimeTrigger = "TOTAL_DEADLINE" | "EXPIRY" | "PHASE_DEADLINE" | "RETRY_DUE" | "SLOT_UNUSED";
export type TimeEvent = { readonly on: TimeTrigger; readonly at: Ms };

/**
 * What time will bring about for one update, each with its instant. Of two at one instant the first here
 * comes first: the total deadline before the others.
 */
export function timeEventsOf({ update, deployment }: Entry): readonly TimeEvent[] {
  const events: TimeEvent[] = [];
  const add = (on: TimeTrigger, at: Ms | undefined) => {
    if (at !== undefined) events.push({ on, at });
  };
  const { state } = update;
  if (isLiveState(state)) add("TOTAL_DEADLINE", update.totalDeadlineAt);
  const undelivered = state === "sent" && update.deliveredAt === undefined;
  if (state === "waiting" || state === "retrying" || undelivered) add("EXPIRY", deployment.expiresAt);
  if (state === "retrying") {
    // A retry that was already handed to the releaser is looked at again only to call it off.
    if (update.ready !== true || deployment.withdrawn) add("RETRY_DUE", update.retryAt);
  } else if (isLiveState(state)) {
    add("PHASE_DEADLINE", update.deadlineAt);
  }
  if (undelivered && update.slot === true && update.sentAt !== undefined) {
    add("SLOT_UNUSED", update.sentAt + slotUnusedMs);
  }
  return events;
}

/**
 * When an event of time comes about: a device's deadlines wait for it after an outage, what we promised ourselves
 * does not. `Infinity` while the outage lasts.
 */
export function firesAt({ on, at }: TimeEvent, outages: readonly Outage[], limits: Limits): Ms {
  if (on !== "PHASE_DEADLINE" && on !== "TOTAL_DEADLINE") return at;
  return fireAt(at, outages, limits.outageGraceMs);
}

/**
 * The earliest instant (ms) at which the event `tick` could change something; `undefined` = never by time alone.
 * What an outage holds is counted from its recovery; while it lasts, from its own instant.
 */
export function dueAt(
  device: Device,
  deployments: ReadonlyMap<string, Deployment>,
  limits: Limits,
  outages: readonly Outage[] = [],
): Ms | undefined {
  const waits = device.updates.some(({ state }) => state === "waiting");
  let earliest: Ms | undefined = waits ? device.restUntil : undefined;
  for (const entry of entriesOf(device, deployments)) {
    for (const event of timeEventsOf(entry)) {
      const fires = firesAt(event, outages, limits);
      const at = Number.isFinite(fires) ? fires : event.at;
      if (earliest === undefined || at < earliest) earliest = at;
    }
  }
  return earliest;
}
