import { z } from "zod";
import type { Ms, Outage } from "./model.ts";

/** A time in which a deployment may write, again and again: each occurrence of the rule opens it. */
export const windowSchema = z.strictObject({
  rrule: z
    .string()
    .min(1)
    .max(500)
    .meta({ description: "RFC 5545 recurrence rule: yearly, monthly, weekly or daily" }),
  durationMs: z.int().min(1000).max(2_678_400_000),
  timeZone: z.string().min(1).max(64).optional().meta({
    description: "IANA name. Without it each device's own tag `timeZone` counts, and UTC without one",
  }),
});
export type Window = z.infer<typeof windowSchema>;

/** Zone of devices that name none. */
export const defaultTimeZone = "UTC";

/** Name of the tag by which a device says where it is. */
export const timeZoneTag = "timeZone";

/** Says when rules open; time zones and their changes are its matter. */
export type Calendar = {
  /** Why the rule cannot be had; undefined = it can. */
  readonly faultOfRule: (rrule: string) => string | undefined;
  readonly hasZone: (timeZone: string) => boolean;
  /** Openings after `from`, up to `to` inclusive, in order. */
  readonly openings: (rrule: string, timeZone: string, from: Ms, to: Ms) => readonly Ms[];
  /** The first opening after `from`; undefined = none for years. */
  readonly nextOpening: (rrule: string, timeZone: string, from: Ms) => Ms | undefined;
};

/** Whether anything may be written now, and until or from when that holds. */
export type WindowState =
  | { readonly isOpen: true; readonly until: Ms }
  | { readonly isOpen: false; readonly opensAt?: Ms; readonly closedAt?: Ms };

type Interval = { readonly from: Ms; readonly to: Ms };

/** What the state of windows follows from. */
export type WindowFacts = {
  readonly windows: readonly Window[];
  /** Of a device, for windows without one. */
  readonly timeZone: string;
  readonly now: Ms;
  /** Since when the deployment runs: an earlier window is none that it has missed. */
  readonly since: Ms;
  readonly outages: readonly Outage[];
};

/** How far back a window is looked for that an outage has swallowed. */
const makeUpMaxMs = 31 * 86_400_000;

/** State of the windows together. What an outage has taken from a window is made up for when it is over. */
export function windowState(calendar: Calendar, facts: WindowFacts): WindowState {
  const { windows, now } = facts;
  const intervals = windows.flatMap((window) => [
    ...intervalsOf(calendar, window, facts, now - window.durationMs, now),
    ...madeUp(calendar, window, facts),
  ]);
  const until = openUntil(intervals, now);
  if (until !== undefined) return { isOpen: true, until };
  const closed = intervals.map(({ to }) => to).filter((to) => to <= now);
  const next = windows
    .map(({ rrule, timeZone = facts.timeZone }) => calendar.nextOpening(rrule, timeZone, now))
    .filter((at) => at !== undefined);
  return {
    isOpen: false,
    ...(next.length > 0 ? { opensAt: Math.min(...next) } : {}),
    ...(closed.length > 0 ? { closedAt: Math.max(...closed) } : {}),
  };
}

function intervalsOf(
  calendar: Calendar,
  { rrule, durationMs, timeZone }: Window,
  facts: WindowFacts,
  from: Ms,
  to: Ms,
): Interval[] {
  const openings = calendar.openings(rrule, timeZone ?? facts.timeZone, from, to);
  return openings.map((at) => ({ from: at, to: at + durationMs }));
}

/** The parts of a window that ended within an outage, put behind it. */
function madeUp(calendar: Calendar, window: Window, facts: WindowFacts): Interval[] {
  const { now, since, outages } = facts;
  return outages.flatMap(({ from, to }) => {
    if (to === undefined || to > now || to < now - makeUpMaxMs || to <= since) return [];
    return intervalsOf(calendar, window, facts, from - window.durationMs, to)
      .filter((interval) => interval.to > Math.max(from, since) && interval.to <= to)
      .map((interval) => ({ from: to, to: to + interval.to - Math.max(interval.from, from, since) }));
  });
}

/** End of the unbroken time that is open now; undefined = none is. */
function openUntil(intervals: readonly Interval[], now: Ms): Ms | undefined {
  let until: Ms | undefined;
  for (const { from, to } of intervals.toSorted((a, b) => a.from - b.from)) {
    if (from > (until ?? now)) break;
    if (to > (until ?? now)) until = to;
  }
  return until;
}

/** How long a number of writes takes from `start` on, at the rate and in the windows; undefined = they never end. */
export function forecastEnd(
  calendar: Calendar,
  facts: WindowFacts & { readonly writes: number; readonly ratePerMinute: number | undefined },
): Ms | undefined {
  const { writes, ratePerMinute, windows } = facts;
  const neededMs = ratePerMinute === undefined ? 0 : Math.ceil((writes / ratePerMinute) * 60_000);
  if (writes === 0 || windows.length === 0) return facts.now + neededMs;
  let at = facts.now;
  let leftMs = neededMs;
  for (let turn = 0; turn < forecastTurnsMax; turn++) {
    const state = windowState(calendar, { ...facts, now: at });
    if (state.isOpen) {
      if (leftMs <= state.until - at) return at + leftMs;
      leftMs -= state.until - at;
      at = state.until;
    } else {
      if (state.opensAt === undefined) return undefined;
      at = state.opensAt;
    }
  }
  return undefined;
}

const forecastTurnsMax = 1000;
