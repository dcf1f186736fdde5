import { describe, expect, it } from "vitest";
import { type Calendar, forecastEnd, windowState } from "../../modules/otau/rollout-windows.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** Opens every day at the hour that is the rule, a zone's name being its offset in hours. */
const calendar: Calendar = {
  faultOfRule: () => undefined,
  hasZone: () => true,
  openings: (rrule, zone, from, to) =>
    Array.from({ length: 60 }, (_, day) => day * dayMs + (Number(rrule) - Number(zone)) * hourMs).filter(
      (at) => at > from && at <= to,
    ),
  nextOpening: (rrule, zone, from) => calendar.openings(rrule, zone, from, from + 2 * dayMs)[0],
};
const window = (hour: number, hours: number, timeZone?: string) => ({
  rrule: String(hour),
  durationMs: hours * hourMs,
  ...(timeZone === undefined ? {} : { timeZone }),
});
const at = (day: number, hour: number) => day * dayMs + hour * hourMs;
const base = { timeZone: "0", since: 0, outages: [] };

describe("windowState", () => {
  const windows = [window(2, 2)];

  it("is open from an opening on, up to its end", () => {
    const stateAt = (now: number) => windowState(calendar, { ...base, windows, now });
    expect(stateAt(at(5, 2) - 1)).toEqual({ isOpen: false, opensAt: at(5, 2) });
    expect(stateAt(at(5, 2))).toEqual({ isOpen: true, until: at(5, 4) });
    expect(stateAt(at(5, 4) - 1)).toEqual({ isOpen: true, until: at(5, 4) });
    expect(stateAt(at(5, 4))).toEqual({ isOpen: false, opensAt: at(6, 2) });
  });

  it("takes windows that touch as one", () => {
    const touching = [window(2, 2), window(3, 4), window(7, 1)];
    expect(windowState(calendar, { ...base, windows: touching, now: at(5, 3) })).toEqual({
      isOpen: true,
      until: at(5, 7),
    });
  });

  it("goes by the device's zone where the window names none", () => {
    const now = at(5, 1);
    expect(windowState(calendar, { ...base, timeZone: "1", windows, now }).isOpen).toBe(true);
    const fixed = [window(2, 2, "0")];
    expect(windowState(calendar, { ...base, timeZone: "1", windows: fixed, now }).isOpen).toBe(false);
  });

  it("makes up for what an outage took, and for no more", () => {
    const stateAt = (now: number, outage: { from: number; to?: number }, since = 0) =>
      windowState(calendar, { ...base, windows, since, now, outages: [outage] });
    const whole = { from: at(5, 1), to: at(5, 6) };
    expect(stateAt(at(5, 6), whole)).toEqual({ isOpen: true, until: at(5, 8) });
    expect(stateAt(at(5, 8), whole).isOpen).toBe(false);
    const half = { from: at(5, 3), to: at(5, 6) };
    expect(stateAt(at(5, 6), half)).toEqual({ isOpen: true, until: at(5, 7) });
    expect(stateAt(at(5, 6), { from: at(5, 4), to: at(5, 6) }).isOpen).toBe(false);
    expect(stateAt(at(5, 6), { from: at(5, 1) }).isOpen).toBe(false);
    expect(stateAt(at(5, 6), whole, at(5, 5)).isOpen).toBe(false);
    expect(stateAt(at(5, 3), { from: at(5, 1), to: at(5, 3) })).toEqual({ isOpen: true, until: at(5, 4) });
  });
});

describe("forecastEnd", () => {
  const writes = { ...base, now: at(5, 0), writes: 180 };

  it("is the time the writes take at the rate", () => {
    expect(forecastEnd(calendar, { ...writes, windows: [], ratePerMinute: 60 })).toBe(at(5, 0) + 180_000);
    expect(forecastEnd(calendar, { ...writes, windows: [], ratePerMinute: undefined })).toBe(at(5, 0));
  });

  it("goes on from window to window", () => {
    const windows = [window(2, 1)];
    expect(forecastEnd(calendar, { ...writes, windows, ratePerMinute: 1 })).toBe(at(7, 3));
    expect(forecastEnd(calendar, { ...writes, windows, ratePerMinute: undefined })).toBe(at(5, 2));
  });
});
