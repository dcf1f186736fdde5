import { describe, expect, it } from "vitest";
import { figuresOf, gateSchema, outcomeOf, trips } from "../../modules/otau/rollout-gate.ts";

const gate = gateSchema.parse({ minFinished: 5, maxFailedPercent: 20 });

describe("a gate", () => {
  it("counts successes, failures, time-outs and aborts, and nothing else", () => {
    expect(outcomeOf({ state: "succeeded", confirmed: true })).toBe("confirmed");
    expect(outcomeOf({ state: "succeeded", confirmed: false })).toBe("unconfirmed");
    for (const state of ["failed", "timed_out", "aborted"] as const)
      expect(outcomeOf({ state })).toBe("failed");
    for (const state of ["canceled", "superseded", "skipped", "waiting", "retrying"] as const)
      expect(outcomeOf({ state })).toBeUndefined();
  });

  it("leaves unconfirmed successes out where they must be confirmed", () => {
    const outcomes = { confirmed: 2, unconfirmed: 6, failed: 2 };
    expect(figuresOf(outcomes, true)).toEqual({ counted: 4, failed: 2, percent: 50 });
    expect(figuresOf(outcomes, false)).toEqual({ counted: 10, failed: 2, percent: 20 });
  });

  it.each([
    [4, 4, false],
    [5, 0, false],
    [5, 1, true],
    [10, 1, false],
    [10, 2, true],
    [11, 2, false],
    [15, 3, true],
  ])("with %i counted and %i failed trips: %s", (counted, failed, isTripped) => {
    expect(trips(gate, { counted, failed })).toBe(isTripped);
  });

  it("does not divide by nothing", () => {
    expect(figuresOf({ confirmed: 0, unconfirmed: 3, failed: 0 }, true).percent).toBe(0);
  });
});
