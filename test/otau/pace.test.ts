import { describe, expect, it } from "vitest";
import { finalsIn, finishAtPace, paceOf } from "../../modules/otau/pace.ts";
import { emptyTotals } from "../../modules/otau/totals.ts";
import { minute } from "./lab.ts";

const at = 100 * minute;

describe("the pace of a deployment", () => {
  it("is what ended a minute since the first sample", () => {
    expect(paceOf([{ at: at - 2 * minute, finals: 10 }], { at, finals: 40 })).toBe(15);
  });

  it("is taken over the last five minutes, from what stood at their beginning", () => {
    const samples = [
      { at: at - 20 * minute, finals: 0 },
      { at: at - 6 * minute, finals: 100 },
      { at: at - minute, finals: 150 },
    ];
    expect(paceOf(samples, { at, finals: 150 })).toBe(10);
    expect(paceOf(samples.slice(0, 2), { at, finals: 100 })).toBe(0);
  });

  it("is not known before a second has passed, and never below nothing", () => {
    expect(paceOf([], { at, finals: 1 })).toBeUndefined();
    expect(paceOf([{ at: at - 900, finals: 0 }], { at, finals: 50 })).toBeUndefined();
    expect(paceOf([{ at: at - minute, finals: 9 }], { at, finals: 5 })).toBe(0);
  });

  it("says when the rest is done", () => {
    expect(finishAtPace(15, { at, finals: 40 }, 100)).toBe(at + 4 * minute);
    expect(finishAtPace(0, { at, finals: 40 }, 100)).toBeUndefined();
    expect(finishAtPace(undefined, { at, finals: 40 }, 100)).toBeUndefined();
    expect(finishAtPace(15, { at, finals: 100 }, 100)).toBeUndefined();
  });

  it("counts every final state", () => {
    const totals = {
      ...emptyTotals(),
      waiting: 5,
      sent: 4,
      succeeded: 3,
      skipped: 2,
      canceled: 1,
      total: 15,
    };
    expect(finalsIn(totals)).toBe(6);
  });
});
