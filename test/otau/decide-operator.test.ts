import { describe, expect, it } from "vitest";
import type { DeviceEvent } from "../../modules/otau/model.ts";
import { makeLab, minute, start } from "./lab.ts";

type CancelReason = Extract<DeviceEvent, { type: "cancel" }>["reason"];

describe("cancel", () => {
  it.each(["waiting", "sent", "downloading", "retrying"] as const)("ends a %s update", (state) => {
    const lab = makeLab();
    lab.enrol();
    if (state !== "waiting") lab.release();
    if (state === "downloading") lab.report("DOWNLOAD");
    if (state === "retrying") lab.report("DOWNLOAD_ERROR");
    const outcome = lab.cancel();
    expect(outcome).toMatchObject({ deploymentId: "a" });
    expect(outcome).not.toHaveProperty("refused");
    expect(outcome).not.toHaveProperty("notify");
    expect(lab.update()).toMatchObject({ state: "canceled", reason: "CANCELED", endedAt: lab.now });
    for (const gone of ["deadlineAt", "deadlineOf", "retryAt", "totalDeadlineAt", "slot", "ready"]) {
      expect(lab.update()).not.toHaveProperty(gone);
    }
    expect(outcome.lines).toMatchObject([
      { kind: "operator", from: state, to: "canceled", reason: "CANCELED" },
    ]);
  });

  it("says that the device may finish, if any attempt was delivered", () => {
    const seen = makeLab();
    seen.write();
    seen.deliver();
    seen.cancel();
    expect(seen.update().deviceMayFinish).toBe(true);
    const unseen = makeLab();
    unseen.write();
    unseen.cancel();
    expect(unseen.update()).not.toHaveProperty("deviceMayFinish");
  });

  it("is done again for a canceled one, and refused for what ended otherwise", () => {
    const lab = makeLab();
    lab.write();
    lab.cancel();
    const before = lab.device;
    expect(lab.cancel()).toEqual({ device: before, deploymentId: "a", lines: [], folds: [], events: [] });
    const done = makeLab();
    done.write();
    done.report("INSTALLED_VERSION");
    const success = done.device;
    expect(done.cancel()).toMatchObject({ refused: "ALREADY_FINAL", deploymentId: "a" });
    expect(done.device).toBe(success);
    expect(done.cancel("b")).toMatchObject({ refused: "NOT_FOUND", device: success });
  });

  it("ends it only in the named states, where some are named", () => {
    const lab = makeLab();
    lab.write();
    lab.report("INIT");
    const before = lab.device;
    const event = { type: "cancel", deploymentId: "a", reason: "WITHDRAWN", onlyIn: ["sent"] } as const;
    expect(lab.do(event)).toMatchObject({ device: before, deploymentId: "a" });
    lab.do({ ...event, onlyIn: ["waiting", "started"] });
    expect(lab.update()).toMatchObject({ state: "canceled", reason: "WITHDRAWN" });
  });

  it.each(["WITHDRAWN", "EXPIRED", "GATE", "CANCELED"] as const)(
    "keeps the reason %s",
    (reason: CancelReason) => {
      const lab = makeLab();
      lab.write();
      lab.actor = { kind: "system", id: "gate" };
      const outcome = lab.do({ type: "cancel", deploymentId: "a", reason });
      expect(lab.update()).toMatchObject({ state: "canceled", reason });
      expect(outcome.lines).toMatchObject([{ kind: "system", reason }]);
    },
  );

  it("of a device that the platform does not know is a failure of that reason", () => {
    const lab = makeLab();
    lab.write();
    lab.do({ type: "cancel", deploymentId: "a", reason: "DEVICE_UNKNOWN" });
    expect(lab.update()).toMatchObject({ state: "failed", reason: "DEVICE_UNKNOWN" });
  });

  it("by a script is an operator's act as well", () => {
    const lab = makeLab();
    lab.write();
    lab.actor = { kind: "script", id: "s" };
    expect(lab.cancel().lines).toMatchObject([{ kind: "operator", actor: { kind: "script", id: "s" } }]);
  });

  it("makes late what the device still says", () => {
    const lab = makeLab();
    lab.write();
    lab.deliver();
    lab.cancel();
    expect(lab.report("DOWNLOAD").decision).toBe("late");
    expect(lab.report("INSTALL_ERROR").decision).toBe("late");
  });
});

describe("config_otau.set", () => {
  it("is removed when the value that stands there is called off and nothing succeeded before", () => {
    const lab = makeLab();
    lab.write();
    lab.deliver();
    const outcome = lab.cancel();
    expect(lab.device).not.toHaveProperty("configSet");
    expect(outcome).not.toHaveProperty("notify");
  });

  it("goes back to the last succeeded update's value with its old stamp", () => {
    const lab = makeLab({ a: {}, b: {} });
    lab.write("a");
    const { timestampUs } = lab.update("a");
    lab.report("INSTALLED_VERSION");
    lab.wait(minute);
    lab.write("b");
    lab.cancel("b");
    expect(lab.device.configSet).toEqual({ deploymentId: "a", timestampUs });
  });

  it("goes back when the last attempt timed out undelivered, and stays when it was delivered or failed", () => {
    const unseen = makeLab();
    unseen.write();
    unseen.timeOut();
    expect(unseen.state()).toBe("timed_out");
    expect(unseen.device).not.toHaveProperty("configSet");
    const seen = makeLab();
    seen.write();
    seen.deliver();
    seen.timeOut();
    expect(seen.device.configSet).toMatchObject({ deploymentId: "a" });
    const failed = makeLab();
    failed.write();
    failed.report("INSTALL_ERROR");
    expect(failed.device.configSet).toMatchObject({ deploymentId: "a" });
  });

  it("goes back when a reopened update is called off before it was written", () => {
    const lab = makeLab();
    lab.write();
    lab.report("INSTALL_ERROR");
    lab.retry();
    lab.cancel();
    expect(lab.device).not.toHaveProperty("configSet");
  });

  it("stays when another value stands there by now", () => {
    const lab = makeLab({ a: {}, b: {} });
    lab.write("b");
    lab.enrol("a");
    const { configSet } = lab.device;
    lab.cancel("a");
    expect(lab.device.configSet).toBe(configSet);
    lab.do({ type: "setConfigText", text: "{}", timestampUs: 1 });
    lab.cancel("b");
    expect(lab.device.configSet).toMatchObject({ text: "{}" });
  });

  it("stands again, waking nobody, when what was given up unseen succeeded after all", () => {
    const lab = makeLab({ a: { retry: { delayMs: 0, on: ["DOWNLOAD_ERROR"] } } });
    lab.write();
    lab.report("DOWNLOAD_ERROR");
    lab.release();
    lab.timeOut();
    expect(lab.state()).toBe("timed_out");
    expect(lab.device).not.toHaveProperty("configSet");
    const outcome = lab.report("INSTALLED_VERSION");
    expect(lab.state()).toBe("succeeded");
    expect(lab.device.configSet).toEqual({ deploymentId: "a", timestampUs: lab.update().timestampUs });
    expect(outcome).not.toHaveProperty("notify");
  });

  it("takes a text that makes no update: told to gateways, recorded, the live update goes on", () => {
    const lab = makeLab();
    lab.write();
    const before = lab.update();
    const outcome = lab.do({ type: "setConfigText", text: "?", timestampUs: start * 1000 + 7 });
    expect(outcome).toMatchObject({ notify: true, lines: [{ kind: "write", actor: lab.actor }] });
    expect(outcome.lines[0]?.note).toContain("no valid package");
    expect(lab.device.configSet).toEqual({ text: "?", timestampUs: start * 1000 + 7 });
    expect(lab.update()).toBe(before);
    lab.do({ type: "setConfigText", text: "!", timestampUs: 1 });
    expect(lab.device.configSet).toEqual({ text: "!", timestampUs: start * 1000 + 8 });
  });
});

describe("operator's retry", () => {
  function ended(state: "failed" | "timed_out" | "aborted" | "canceled") {
    const lab = makeLab();
    lab.write();
    lab.deliver();
    if (state === "failed") lab.report("INSTALL_ERROR", { message: "m" });
    if (state === "aborted") lab.report("INSTALL_ABORTED");
    if (state === "timed_out") lab.timeOut();
    if (state === "canceled") lab.cancel();
    expect(lab.state()).toBe(state);
    return lab;
  }

  it.each(["failed", "timed_out", "aborted", "canceled"] as const)("reopens the same %s update", (state) => {
    const lab = ended(state);
    const outcome = lab.retry("a", [state]);
    expect(lab.update()).toMatchObject({
      state: "waiting",
      attempt: 1,
      attemptBase: 1,
      maxAttempts: 4,
      ready: true,
      phase: "sent",
    });
    for (const gone of ["late", "reason", "endedAt", "deviceMayFinish", "totalDeadlineAt"]) {
      expect(lab.update()).not.toHaveProperty(gone);
    }
    expect(outcome.lines).toMatchObject([{ kind: "operator", from: state, to: "waiting" }]);
    expect(outcome.deploymentId).toBe("a");
  });

  it("goes on with attempt numbers; delays and total time start afresh", () => {
    const lab = ended("failed");
    lab.retry();
    lab.wait(minute);
    lab.release();
    expect(lab.update()).toMatchObject({
      attempt: 2,
      totalDeadlineAt: lab.now + 1_209_600_000,
      deliveredBefore: true,
    });
    lab.report("DOWNLOAD_ERROR");
    expect(lab.update()).toMatchObject({ state: "retrying", retryAt: lab.now + minute });
    for (let attempt = 3; attempt <= 4; attempt++) {
      lab.now = lab.update().retryAt ?? 0;
      lab.release();
      lab.report("DOWNLOAD_ERROR");
    }
    expect(lab.update()).toMatchObject({ state: "failed", attempt: 4 });
  });

  it("retries once when sent twice, and leaves alone what is not in the named states", () => {
    const lab = ended("failed");
    lab.retry();
    const before = lab.device;
    expect(lab.retry()).toMatchObject({ refused: "NOTHING_TO_RETRY", device: before });
    const other = ended("failed");
    const untouched = other.device;
    expect(other.retry("a", ["timed_out"])).toMatchObject({ refused: "NOTHING_TO_RETRY", device: untouched });
    expect(other.retry("b")).toMatchObject({ refused: "NOT_FOUND", device: untouched });
  });

  it("never reopens a succeeded, superseded or skipped one, though it be named", () => {
    const lab = makeLab();
    lab.write();
    lab.report("INSTALLED_VERSION");
    const before = lab.device;
    expect(lab.retry("a", ["succeeded"])).toMatchObject({ refused: "NOTHING_TO_RETRY", device: before });
  });

  it("is refused where a newer deployment wrote to the device, or the package is withdrawn", () => {
    const lab = makeLab({ a: { withdrawn: true }, b: {} });
    lab.enrol("a");
    lab.release("a");
    lab.write("b");
    expect(lab.retry("a")).toMatchObject({ refused: "NOTHING_TO_RETRY", lines: [], events: [] });
    lab.cancel("b");
    expect(lab.retry("a")).toMatchObject({ refused: "PACKAGE_WITHDRAWN", deploymentId: "a", lines: [] });
    lab.set("a", { withdrawn: false });
    expect(lab.retry("a")).not.toHaveProperty("refused");
    expect(lab.state("a")).toBe("waiting");
  });

  it("waits in a paused deployment", () => {
    const lab = ended("failed");
    lab.set("a", { state: "paused" });
    lab.retry();
    lab.release();
    expect(lab.state()).toBe("waiting");
  });

  it("clears that a success came late", () => {
    const lab = makeLab({ a: { confirm: "optional" } });
    lab.write();
    lab.report("INSTALL");
    lab.timeOut();
    lab.report("INSTALL_SUCCESS");
    expect(lab.update().late).toBe(true);
    lab.report("INSTALL_ERROR");
    lab.retry();
    expect(lab.update()).not.toHaveProperty("late");
    expect(lab.update()).not.toHaveProperty("confirmed");
    expect(lab.update().corrections).toHaveLength(2);
  });
});

describe("device deleted", () => {
  it("cancels every update that is not final, reason DEVICE_DELETED", () => {
    const lab = makeLab({ a: {}, b: {}, c: { onActive: "queue" } });
    lab.write("a");
    lab.report("INSTALL_ABORTED");
    lab.write("b");
    lab.deliver("b");
    lab.write("c");
    const outcome = lab.do({ type: "deviceDeleted" });
    expect(lab.update("a")).toMatchObject({ state: "aborted" });
    expect(lab.update("b")).toMatchObject({
      state: "canceled",
      reason: "DEVICE_DELETED",
      deviceMayFinish: true,
    });
    expect(lab.update("c")).toMatchObject({ state: "canceled", reason: "DEVICE_DELETED" });
    expect(outcome.lines.map(({ from, kind }) => [from, kind])).toEqual([
      ["sent", "operator"],
      ["waiting", "operator"],
    ]);
  });
});
