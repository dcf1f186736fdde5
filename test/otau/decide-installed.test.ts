import { describe, expect, it } from "vitest";
import { hour, makeLab, minute, start } from "./lab.ts";

const force = { a: { force: true } } as const;

/** Live, delivered, and the device had the target already. */
function had(wish = {}) {
  const lab = makeLab({ a: { force: true, ...wish } }, { installedVersion: "1.0" });
  lab.write();
  lab.deliver();
  return lab;
}

describe("INSTALLED_VERSION of the target on a live update", () => {
  it("succeeds, confirmed, with reason VERSION_REPORTED where no other report of this attempt came", () => {
    const lab = makeLab();
    lab.write();
    const outcome = lab.report("INSTALLED_VERSION");
    expect(lab.update()).toMatchObject({ state: "succeeded", confirmed: true, reason: "VERSION_REPORTED" });
    expect(outcome.lines).toMatchObject([{ from: "sent", to: "succeeded", reason: "VERSION_REPORTED" }]);
    const spoken = makeLab();
    spoken.write();
    spoken.report("INIT");
    spoken.report("INSTALLED_VERSION");
    expect(spoken.update()).not.toHaveProperty("reason");
    expect(spoken.update()).not.toHaveProperty("totalDeadlineAt");
    expect(spoken.update()).not.toHaveProperty("deadlineOf");
  });

  it("has no reason where an error was the only other report", () => {
    const lab = makeLab();
    lab.write();
    lab.report("DOWNLOAD_ERROR");
    lab.report("INSTALLED_VERSION");
    expect(lab.update()).not.toHaveProperty("reason");
  });

  it("has reason VERSION_REPORTED in retrying after silence", () => {
    const lab = makeLab({ a: { retry: { on: ["ACKNOWLEDGE_TIMEOUT"] } } });
    lab.write();
    lab.timeOut();
    lab.report("INSTALLED_VERSION");
    expect(lab.update()).toMatchObject({ state: "succeeded", reason: "VERSION_REPORTED" });
  });

  it("sets what the device is measured by, and the value to go back to", () => {
    const lab = makeLab();
    lab.write();
    const { timestampUs } = lab.update();
    lab.report("INSTALLED_VERSION");
    expect(lab.device).toMatchObject({
      installedVersion: "1.0",
      confirmedVersion: "1.0",
      drifted: false,
      succeededSet: { deploymentId: "a", timestampUs },
      configSet: { deploymentId: "a", timestampUs },
    });
  });
});

describe("INSTALLED_VERSION of the target that the device had at the write", () => {
  it("is noted and settles nothing without a progress report of this attempt", () => {
    const lab = had();
    expect(lab.report("INSTALLED_VERSION").decision).toBe("applied");
    expect(lab.update()).toMatchObject({ state: "sent", status: "INSTALLED_VERSION", heardTarget: true });
  });

  it("counts after a progress report of this attempt", () => {
    const lab = had();
    lab.report("INIT");
    lab.report("INSTALLED_VERSION");
    expect(lab.update()).toMatchObject({ state: "succeeded", confirmed: true });
    expect(lab.update()).not.toHaveProperty("reason");
  });

  it("counts only if its supplied stamp is not older than that of the newest progress report", () => {
    const lab = had();
    lab.report("INIT", { stamp: lab.now - 1000 });
    lab.report("TEST", { stamp: lab.now - 2000 });
    expect(lab.report("INSTALLED_VERSION", { stamp: lab.now - 1001 }).decision).toBe("applied");
    expect(lab.state()).toBe("testing");
    lab.report("INSTALLED_VERSION", { stamp: lab.now - 1000 });
    expect(lab.state()).toBe("succeeded");
  });

  it("does not count once the attempt has ended in an error, but after a time-out it does", () => {
    const failed = had();
    failed.report("DOWNLOAD");
    failed.report("DOWNLOAD_ERROR");
    expect(failed.report("INSTALLED_VERSION").decision).toBe("applied");
    expect(failed.state()).toBe("retrying");
    const silent = had();
    silent.report("DOWNLOAD");
    silent.timeOut();
    silent.report("INSTALLED_VERSION");
    expect(silent.state()).toBe("succeeded");
  });

  it("settles nothing as a correction either", () => {
    const lab = had();
    lab.report("INSTALL_ERROR");
    expect(lab.report("INSTALLED_VERSION").decision).toBe("late");
    expect(lab.state()).toBe("failed");
  });

  it("counts again once another version was reported since", () => {
    const lab = had();
    lab.report("INSTALLED_VERSION", { version: "0.9" });
    lab.report("INSTALLED_VERSION");
    expect(lab.update()).toMatchObject({ state: "succeeded", confirmed: true, reason: "VERSION_REPORTED" });
  });

  it("is VERSION_ONLY by the acknowledge deadline, if it was heard after delivery", () => {
    const lab = had();
    lab.report("INSTALLED_VERSION");
    const outcome = lab.timeOut();
    expect(lab.update()).toMatchObject({ state: "succeeded", confirmed: false, reason: "VERSION_ONLY" });
    expect(outcome.lines).toMatchObject([{ kind: "deadline", stampedAt: lab.now, reason: "VERSION_ONLY" }]);
    expect(lab.device).not.toHaveProperty("confirmedVersion");
  });

  it("is VERSION_ONLY before any retry policy", () => {
    const lab = had({ retry: { on: ["ACKNOWLEDGE_TIMEOUT"] } });
    lab.report("INSTALLED_VERSION");
    lab.timeOut();
    expect(lab.state()).toBe("succeeded");
  });

  it("is VERSION_ONLY by the total deadline where the acknowledge deadline is null, or falls at the same instant", () => {
    const untimed = had({ timeouts: { acknowledgeMs: null, totalMs: hour } });
    untimed.report("INSTALLED_VERSION");
    untimed.wait(hour);
    untimed.tick();
    expect(untimed.update()).toMatchObject({ state: "succeeded", reason: "VERSION_ONLY" });
    const both = had({ timeouts: { acknowledgeMs: hour, totalMs: hour } });
    both.report("INSTALLED_VERSION");
    both.timeOut();
    expect(both.update()).toMatchObject({ state: "succeeded", reason: "VERSION_ONLY" });
    const earlier = had({ timeouts: { acknowledgeMs: hour, totalMs: minute } });
    earlier.report("INSTALLED_VERSION");
    earlier.wait(minute);
    earlier.tick();
    expect(earlier.update()).toMatchObject({ state: "timed_out", reason: "TOTAL_TIMEOUT" });
  });

  it("heard before delivery counts as usual at the deadline", () => {
    const lab = makeLab(force, { installedVersion: "1.0" });
    lab.write();
    lab.report("INSTALLED_VERSION");
    lab.timeOut();
    expect(lab.update()).toMatchObject({ state: "timed_out", reason: "ACKNOWLEDGE_TIMEOUT" });
  });

  it("is VERSION_ONLY where it was said before delivery, and again after it", () => {
    const lab = makeLab(force, { installedVersion: "1.0" });
    lab.write();
    lab.report("INSTALLED_VERSION");
    lab.deliver();
    expect(lab.report("INSTALLED_VERSION").decision).toBe("repeat");
    lab.timeOut();
    expect(lab.update()).toMatchObject({ state: "succeeded", reason: "VERSION_ONLY" });
  });

  it("is no VERSION_ONLY once another version was reported, or another report of the attempt came", () => {
    const other = had();
    other.report("INSTALLED_VERSION");
    other.report("INSTALLED_VERSION", { version: "0.9" });
    other.timeOut();
    expect(other.state()).toBe("timed_out");
    const begun = had();
    begun.report("INSTALLED_VERSION");
    begun.report("INIT");
    begun.timeOut();
    expect(begun.update()).toMatchObject({ state: "timed_out", reason: "TEST_TIMEOUT" });
  });

  it("said twice is a repeat, which in sent renews nothing", () => {
    const lab = had();
    const { deadlineAt } = lab.update();
    lab.report("INSTALLED_VERSION");
    lab.wait(minute);
    expect(lab.report("INSTALLED_VERSION").decision).toBe("repeat");
    expect(lab.update().deadlineAt).toBe(deadlineAt);
  });

  it("is meant by a rollback too: the target is installed while an update of another version is live", () => {
    const lab = makeLab({ b: { version: "2" }, a: { version: "1" } }, { installedVersion: "1" });
    lab.write("b");
    lab.deliver("b");
    lab.write("a");
    lab.deliver("a");
    expect(lab.update()).toMatchObject({ state: "sent", hadTarget: true, installedAtWrite: "1" });
    lab.report("INSTALLED_VERSION", { version: "1" });
    expect(lab.state()).toBe("sent");
  });
});

describe("INSTALLED_VERSION of another version", () => {
  it("in confirming is a fall back, whatever version: the attempt ends as an error", () => {
    const lab = makeLab({ a: { retry: { on: ["FELL_BACK"] } } });
    lab.write();
    lab.report("INSTALL_SUCCESS");
    expect(lab.report("INSTALLED_VERSION", { version: "?" }).decision).toBe("applied");
    expect(lab.update()).toMatchObject({
      state: "retrying",
      reason: "FELL_BACK",
      attemptEndedBy: "error",
      status: "INSTALLED_VERSION",
      otherVersion: "?",
    });
  });

  it("in confirming is unmatched with a supplied stamp older than that of INSTALL_SUCCESS", () => {
    const lab = makeLab();
    lab.write();
    lab.report("INSTALL_SUCCESS", { stamp: lab.now - 3000 });
    expect(lab.report("INSTALLED_VERSION", { version: "0.9", stamp: lab.now - 3001 }).decision).toBe(
      "unmatched",
    );
    expect(lab.state()).toBe("confirming");
    lab.report("INSTALLED_VERSION", { version: "0.9", stamp: lab.now - 3000 });
    expect(lab.update()).toMatchObject({ state: "failed", reason: "FELL_BACK" });
  });

  it("after a repeated INSTALL_SUCCESS is measured by the first", () => {
    const lab = makeLab();
    lab.write();
    lab.report("INSTALL_SUCCESS");
    lab.wait(1000);
    lab.report("INSTALL_SUCCESS");
    lab.report("INSTALLED_VERSION", { version: "0.9", stamp: start });
    expect(lab.state()).toBe("failed");
  });

  it("in sent, after delivery, hands the value over again with a new stamp, the same attempt and deadline", () => {
    const lab = makeLab();
    lab.write();
    lab.deliver();
    const before = lab.update();
    const outcome = lab.report("INSTALLED_VERSION", { version: "0.9" });
    expect(outcome).toMatchObject({ decision: "unmatched", notify: true, deploymentId: "a" });
    expect(outcome).not.toHaveProperty("writes");
    const after = lab.update();
    expect(after).toMatchObject({
      state: "sent",
      attempt: 1,
      deadlineAt: before.deadlineAt,
      sentAt: before.sentAt,
    });
    expect(after.timestampUs).toBeGreaterThan(before.timestampUs ?? 0);
    expect(lab.device.configSet).toEqual({ deploymentId: "a", timestampUs: after.timestampUs });
    expect(outcome.lines.map(({ kind, count }) => [kind, count])).toEqual([
      ["write", 1],
      ["report", undefined],
    ]);
    expect(outcome.lines[0]).toMatchObject({ deploymentId: "a", attempt: 1, lastAt: lab.now });
    expect(outcome.lines[0]).not.toHaveProperty("from");
  });

  it("hands it over again at most once a minute, counted in one line of the attempt", () => {
    const lab = makeLab();
    lab.write();
    lab.deliver();
    lab.report("INSTALLED_VERSION", { version: "0.9" });
    const { timestampUs, handedAgainSeq } = lab.update();
    lab.wait(minute - 1);
    expect(lab.report("INSTALLED_VERSION", { version: "0.9" })).not.toHaveProperty("notify");
    expect(lab.update().timestampUs).toBe(timestampUs);
    lab.wait(1);
    const outcome = lab.report("INSTALLED_VERSION", { version: "0.9" });
    expect(outcome.folds).toEqual([{ seq: handedAgainSeq, lastAt: lab.now }]);
    expect(outcome.lines.map(({ kind }) => kind)).toEqual(["report"]);
    expect(lab.update().timestampUs).toBeGreaterThan(timestampUs ?? 0);
  });

  it("hands nothing over before delivery, once it began, or while the deployment is paused", () => {
    const unseen = makeLab();
    unseen.write();
    expect(unseen.report("INSTALLED_VERSION", { version: "0.9" })).not.toHaveProperty("notify");
    const begun = makeLab();
    begun.write();
    begun.report("INIT");
    expect(begun.report("INSTALLED_VERSION", { version: "0.9" })).not.toHaveProperty("notify");
    const paused = makeLab();
    paused.write();
    paused.deliver();
    paused.set("a", { state: "paused" });
    expect(paused.report("INSTALLED_VERSION", { version: "0.9" })).not.toHaveProperty("notify");
  });

  it("makes the device drift until it matches, or until the next success", () => {
    const lab = makeLab({ a: {}, b: { confirm: "optional", timeouts: { confirmMs: null } } });
    lab.report("INSTALLED_VERSION", { version: "0.9" });
    expect(lab.device.drifted).toBe(false);
    lab.write("a");
    lab.report("INSTALLED_VERSION");
    lab.report("INSTALLED_VERSION", { version: "0.9" });
    expect(lab.device).toMatchObject({ drifted: true, confirmedVersion: "1.0" });
    lab.report("INSTALLED_VERSION");
    expect(lab.device.drifted).toBe(false);
    lab.report("INSTALLED_VERSION", { version: "0.9" });
    lab.write("b");
    expect(lab.device.drifted).toBe(true);
    lab.report("INSTALL_SUCCESS", { version: "2.0" });
    expect(lab.device.drifted).toBe(false);
    expect(lab.device).not.toHaveProperty("confirmedVersion");
  });

  it("tells of the device only when installedVersion changes", () => {
    const lab = makeLab();
    const types = (version: string) =>
      lab.report("INSTALLED_VERSION", { version }).events.map(({ type }) => type);
    expect(types("1")).toEqual(["device.changed", "report.decided"]);
    expect(types("1")).toEqual(["report.decided"]);
  });
});
