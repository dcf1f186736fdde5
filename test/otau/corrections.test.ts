import { describe, expect, it } from "vitest";
import type { Status } from "../../modules/otau/vocabulary.ts";
import { type DeploymentWish, hour, makeLab } from "./lab.ts";

const optional: DeploymentWish = { confirm: "optional", timeouts: { confirmMs: null } };

function after(wish: DeploymentWish, ...said: Status[]) {
  const lab = makeLab({ a: wish, b: {} }, { installedVersion: "0.9" });
  lab.write("a");
  lab.deliver("a");
  for (const status of said) lab.report(status);
  return lab;
}

describe("corrections", () => {
  it.each([
    ["failed", ["INSTALL_ERROR"]],
    ["aborted", ["INSTALL_ABORTED"]],
    ["timed_out", []],
  ] as const)("INSTALLED_VERSION of the target turns %s into a late success", (state, said) => {
    const lab = after({}, ...said);
    if (state === "timed_out") lab.timeOut();
    expect(lab.state()).toBe(state);
    lab.wait(hour);
    const outcome = lab.report("INSTALLED_VERSION");
    expect(outcome).toMatchObject({ decision: "applied", deploymentId: "a" });
    expect(lab.update()).toMatchObject({
      state: "succeeded",
      late: true,
      confirmed: true,
      status: "INSTALLED_VERSION",
      endedAt: lab.now,
      lastReportAt: lab.now,
      corrections: [{ at: lab.now, from: state, to: "succeeded", cause: "INSTALLED_VERSION" }],
    });
    expect(lab.update()).not.toHaveProperty("reason");
    expect(outcome.lines).toMatchObject([{ from: state, to: "succeeded", decision: "applied" }]);
    expect(outcome.events.map(({ type }) => type)).toEqual([
      "device.changed",
      "report.decided",
      "update.changed",
      "update.corrected",
    ]);
    expect(lab.device).toMatchObject({ confirmedVersion: "1.0", succeededSet: { deploymentId: "a" } });
  });

  it("INSTALLED_VERSION of the target turns an unconfirmed success into a confirmed one", () => {
    const lab = after(optional, "INSTALL_SUCCESS");
    const { endedAt } = lab.update();
    lab.wait(hour);
    const outcome = lab.report("INSTALLED_VERSION");
    expect(outcome.decision).toBe("applied");
    expect(lab.update()).toMatchObject({
      state: "succeeded",
      confirmed: true,
      endedAt,
      corrections: [{ at: lab.now, from: "succeeded", to: "succeeded", cause: "INSTALLED_VERSION" }],
    });
    expect(lab.update()).not.toHaveProperty("late");
    expect(outcome.lines[0]).not.toHaveProperty("from");
    expect(outcome.events.map(({ type }) => type)).not.toContain("update.changed");
    expect(lab.device.confirmedVersion).toBe("1.0");
    expect(lab.report("INSTALLED_VERSION").decision).toBe("late");
  });

  it("clears the reason of a VERSION_ONLY success that is confirmed after all", () => {
    const lab = makeLab({ a: { force: true } }, { installedVersion: "1.0" });
    lab.write();
    lab.deliver();
    lab.report("INSTALLED_VERSION");
    lab.timeOut();
    expect(lab.report("INSTALLED_VERSION").decision).toBe("late");
    lab.report("INSTALLED_VERSION", { version: "0.9" });
    expect(lab.report("INSTALLED_VERSION").decision).toBe("applied");
    expect(lab.update()).toMatchObject({ state: "succeeded", confirmed: true });
    expect(lab.update()).not.toHaveProperty("reason");
  });

  it("INSTALL_SUCCESS turns timed_out with optional confirmation into an unconfirmed late success", () => {
    const lab = after({ confirm: "optional" }, "INSTALL");
    lab.timeOut();
    lab.report("INSTALL_SUCCESS");
    expect(lab.update()).toMatchObject({ state: "succeeded", late: true, confirmed: false });
    const required = after({}, "INSTALL");
    required.timeOut();
    expect(required.report("INSTALL_SUCCESS").decision).toBe("late");
  });

  it("INSTALL_ERROR of its version turns an unconfirmed success into failed, the message kept", () => {
    const lab = after(optional, "INSTALL_SUCCESS");
    lab.report("INSTALL_ERROR", { version: "9", message: "other" });
    expect(lab.state()).toBe("succeeded");
    lab.report("INSTALL_ERROR", { message: "bad image" });
    expect(lab.update()).toMatchObject({
      state: "failed",
      reason: "INSTALL_ERROR",
      message: "bad image",
      corrections: [{ from: "succeeded", to: "failed", cause: "INSTALL_ERROR" }],
    });
    expect(lab.update()).not.toHaveProperty("confirmed");
    expect(lab.device).not.toHaveProperty("succeededSet");
  });

  it("a confirmed success is not taken back", () => {
    const lab = after({}, "INSTALL_SUCCESS", "INSTALLED_VERSION");
    expect(lab.report("INSTALL_ERROR").decision).toBe("late");
    expect(lab.report("INSTALLED_VERSION", { version: "0.9" }).decision).toBe("unmatched");
    expect(lab.state()).toBe("succeeded");
  });

  it("INSTALLED_VERSION of the version at the write turns an unconfirmed success into FELL_BACK", () => {
    const lab = after(optional, "INSTALL_SUCCESS");
    expect(lab.report("INSTALLED_VERSION", { version: "0.8" }).decision).toBe("unmatched");
    expect(lab.state()).toBe("succeeded");
    lab.report("INSTALLED_VERSION", { version: "0.9" });
    expect(lab.update()).toMatchObject({ state: "failed", reason: "FELL_BACK" });
  });

  it("any other version does so where none was known at the write", () => {
    const lab = makeLab({ a: optional });
    lab.write();
    lab.report("INSTALL_SUCCESS");
    lab.report("INSTALLED_VERSION", { version: "0.8" });
    expect(lab.update()).toMatchObject({ state: "failed", reason: "FELL_BACK" });
  });

  it("a fall back that was said before the INSTALL_SUCCESS corrects nothing", () => {
    const lab = after(optional, "INSTALL_SUCCESS");
    expect(lab.report("INSTALLED_VERSION", { version: "0.9", stamp: lab.now - 1 }).decision).toBe(
      "unmatched",
    );
    expect(lab.state()).toBe("succeeded");
  });

  it("touch only the newest written update, and none while one is live", () => {
    const lab = after({}, "INSTALL_ERROR");
    lab.write("b");
    expect(lab.report("INSTALLED_VERSION").decision).toBe("unmatched");
    lab.deliver("b");
    lab.cancel("b");
    expect(lab.report("INSTALLED_VERSION").decision).toBe("late");
    expect(lab.state()).toBe("failed");
  });

  it("pass over a write that nobody saw", () => {
    const lab = after({}, "INSTALL_ERROR");
    lab.write("b");
    lab.cancel("b");
    expect(lab.report("INSTALLED_VERSION").decision).toBe("applied");
    expect(lab.state()).toBe("succeeded");
  });

  it("may follow one another", () => {
    const lab = after(optional, "INSTALL_SUCCESS", "INSTALL_ERROR", "INSTALLED_VERSION");
    expect(lab.update()).toMatchObject({ state: "succeeded", confirmed: true, late: true });
    expect(lab.update().corrections?.map(({ to }) => to)).toEqual(["failed", "succeeded"]);
  });

  it("leave canceled, superseded and skipped as they are", () => {
    const lab = after({});
    lab.cancel();
    expect(lab.report("INSTALLED_VERSION").decision).toBe("late");
    expect(lab.state()).toBe("canceled");
  });

  it("a success taken back gives way to the success before it as the value to go back to", () => {
    const lab = makeLab({ a: {}, b: optional });
    lab.write("a");
    lab.report("INSTALLED_VERSION");
    const { succeededSet } = lab.device;
    lab.write("b");
    lab.report("INSTALL_SUCCESS", { version: "2.0" });
    lab.report("INSTALL_ERROR", { version: "2.0" });
    expect(lab.state("b")).toBe("failed");
    expect(lab.device.succeededSet).toEqual(succeededSet);
  });
});

describe("installedAnyway", () => {
  it.each(["INSTALL_SUCCESS", "INSTALLED_VERSION"] as const)(
    "is noted by %s on a canceled update",
    (status) => {
      const lab = after({});
      lab.cancel();
      const outcome = lab.report(status);
      expect(outcome).toMatchObject({ decision: "late", deploymentId: "a" });
      expect(lab.update()).toMatchObject({ state: "canceled", installedAnyway: true });
      expect(lab.update()).not.toHaveProperty("corrections");
    },
  );

  it("is noted on a superseded one while another is live", () => {
    for (const status of ["INSTALL_SUCCESS", "INSTALLED_VERSION"] as const) {
      const lab = after({});
      lab.write("b");
      lab.report(status);
      expect(lab.update("a")).toMatchObject({ state: "superseded", installedAnyway: true });
      expect(lab.state("b")).toBe("sent");
    }
  });

  it("is noted on the newest written one of the version alone, if that one was called off", () => {
    const lab = makeLab({ a: { version: "1" }, b: { version: "1" }, c: { version: "2" } });
    lab.write("a");
    lab.deliver("a");
    lab.write("b");
    lab.report("INSTALL_ABORTED", { version: "1" });
    lab.write("c");
    lab.report("INSTALL_SUCCESS", { version: "1" });
    expect(lab.update("a")).not.toHaveProperty("installedAnyway");
    expect(lab.update("b")).not.toHaveProperty("installedAnyway");
  });

  it("is not noted by other reports, by stale ones, or on a write that nobody saw", () => {
    const lab = after({});
    lab.cancel();
    lab.report("INSTALL");
    lab.report("DOWNLOAD_SUCCESS");
    expect(lab.update()).not.toHaveProperty("installedAnyway");
    const unseen = makeLab();
    unseen.write();
    unseen.cancel();
    unseen.report("INSTALL_SUCCESS");
    expect(unseen.update()).not.toHaveProperty("installedAnyway");
  });
});
