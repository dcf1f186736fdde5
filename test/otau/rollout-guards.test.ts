import { describe, expect, it } from "vitest";
import { dueAt } from "../../modules/otau/due.ts";
import { afterFailure, isDowngrade } from "../../modules/otau/rollout-guards.ts";
import { deploymentOf, hour, limits, makeLab, minute } from "./lab.ts";

const guarded = (version: string, newer: string[] = [], older: string[] = []) =>
  deploymentOf("a", 1, { version, downgrade: { newer, older } });

describe("isDowngrade", () => {
  it.each([
    ["1.9.0", "2.0.0", true],
    ["2.0.0", "1.9.0", false],
    ["2.0.0", "2.0.0", false],
    ["2.0.0-rc.1", "2.0.0", true],
    ["1.0", "2.0.0", false],
    ["656764202e", "2.0.0", false],
    ["1.9.0", undefined, false],
  ])("to %s from %s: %s", (target, installed, expected) => {
    expect(isDowngrade(guarded(target), installed)).toBe(expected);
  });

  it("goes by the sequence where both have one", () => {
    expect(isDowngrade(guarded("b", ["c"], ["a"]), "c")).toBe(true);
    expect(isDowngrade(guarded("b", ["c"], ["a"]), "a")).toBe(false);
    expect(isDowngrade(guarded("1.0.0", [], ["2.0.0"]), "2.0.0")).toBe(false);
    expect(isDowngrade(guarded("2.0.0", ["1.0.0"], []), "1.0.0")).toBe(true);
  });

  it("is none where nobody guards", () => {
    expect(isDowngrade(deploymentOf("a", 1, { version: "1.0.0" }), "2.0.0")).toBe(false);
  });
});

describe("afterFailure", () => {
  const rule = { failures: 3, withinMs: 1000, forMs: 5000 };

  it("remembers failures until there are too many, or they are too old", () => {
    const first = afterFailure({}, rule, 100);
    expect(first).toEqual({ failedAt: [100] });
    const second = afterFailure({ failedAt: [100] }, rule, 900);
    expect(second).toEqual({ failedAt: [100, 900] });
    expect(afterFailure({ failedAt: [100, 900] }, rule, 1000)).toEqual({
      failedAt: undefined,
      restUntil: 6000,
    });
    expect(afterFailure({ failedAt: [100, 900] }, rule, 1100)).toEqual({ failedAt: [900, 1100] });
  });
});

describe("a device that failed too often", () => {
  const rest = { failures: 2, withinMs: hour, forMs: hour };
  const failTwice = () => {
    const lab = makeLab({ b: {}, c: {}, a: {} });
    lab.limits = { ...limits, rest };
    for (const [id, version] of [
      ["b", "1.0"],
      ["c", "2.0"],
    ] as const) {
      lab.write(id);
      lab.deliver(id);
      lab.report("INSTALL_ERROR", { version });
    }
    return lab;
  };

  it("gets its next write when it has rested, and not before", () => {
    const lab = failTwice();
    lab.enrol();
    lab.release();
    expect(lab.update().state).toBe("waiting");
    expect(dueAt(lab.device, lab.facts().deployments, lab.limits)).toBe(lab.now + hour);
    lab.wait(hour - minute);
    lab.tick();
    lab.release();
    expect(lab.update().state).toBe("waiting");
    lab.wait(minute);
    lab.tick();
    expect(lab.update().ready).toBe(true);
    lab.release();
    expect(lab.update().state).toBe("sent");
    expect(lab.device).not.toHaveProperty("restUntil");
  });

  it("is left alone by nothing where the product does not say so", () => {
    const lab = failTwice();
    lab.limits = limits;
    lab.enrol();
    lab.release();
    expect(lab.update().state).toBe("sent");
  });

  it("has not failed where it never saw the value", () => {
    const lab = makeLab();
    lab.limits = { ...limits, rest: { ...rest, failures: 1 } };
    lab.write();
    lab.timeOut();
    expect(lab.update().state).toBe("timed_out");
    expect(lab.device).not.toHaveProperty("restUntil");
  });
});
