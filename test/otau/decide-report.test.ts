import { describe, expect, it } from "vitest";
import type { Outcome } from "../../modules/otau/model.ts";
import { errorStatuses, progressStatuses, type Status } from "../../modules/otau/vocabulary.ts";
import { hour, makeLab, minute, start } from "./lab.ts";

const lineOf = (outcome: Outcome) => outcome.lines.at(-1);

function underWay(...said: Status[]) {
  const lab = makeLab();
  lab.write();
  lab.deliver();
  for (const status of said) lab.report(status);
  return lab;
}

describe("which update a report concerns", () => {
  it("is the live one for a report of its version", () => {
    expect(underWay().report("INIT")).toMatchObject({ decision: "applied", deploymentId: "a" });
  });

  it("is the live one for an INSTALLED_VERSION of any version, also one that has a final update", () => {
    const lab = makeLab({ a: {}, b: {} });
    lab.write("a");
    lab.deliver("a");
    lab.write("b");
    const outcome = lab.report("INSTALLED_VERSION", { version: "1.0" });
    expect(outcome).toMatchObject({ decision: "unmatched", deploymentId: "b" });
    expect(lineOf(outcome)).toMatchObject({ deploymentId: "b", attempt: 1 });
    expect(lineOf(outcome)?.note).toContain("1.0");
  });

  it("is no live one for a progress report of another version; that is noted on the live one", () => {
    const lab = underWay();
    const outcome = lab.report("DOWNLOAD", { version: "7" });
    expect(outcome).toMatchObject({ decision: "unmatched", deploymentId: "a" });
    expect(lab.update()).toMatchObject({ state: "sent", otherVersion: "7" });
    expect(lab.update()).not.toHaveProperty("lastReportAt");
    lab.report("INIT");
    expect(lab.update()).not.toHaveProperty("otherVersion");
  });

  it("is the newest final one that was ever written and has that version, else none", () => {
    const lab = makeLab({ a: { version: "1" }, b: { version: "1" }, c: { version: "2" } });
    for (const id of ["a", "b", "c"]) {
      lab.write(id);
      if (id !== "c") lab.deliver(id);
    }
    lab.cancel("c");
    expect(lab.report("DOWNLOAD", { version: "1" })).toMatchObject({ decision: "late", deploymentId: "b" });
    const unseen = lab.report("DOWNLOAD", { version: "2" });
    expect(unseen.decision).toBe("unmatched");
    expect(unseen).not.toHaveProperty("deploymentId");
  });

  it("is never a waiting one, one reopened by a retry included, but installedVersion is taken", () => {
    const lab = underWay("INSTALL_ERROR");
    lab.retry();
    expect(lab.report("INSTALL_SUCCESS").decision).toBe("unmatched");
    expect(lab.report("INSTALLED_VERSION").decision).toBe("unmatched");
    expect(lab.state()).toBe("waiting");
    expect(lab.device.installedVersion).toBe("1.0");
    const fresh = makeLab();
    fresh.enrol();
    expect(fresh.report("DOWNLOAD").decision).toBe("unmatched");
  });
});

describe("applied", () => {
  it.each([
    ["INIT", "started", "testMs", 30 * minute],
    ["TEST", "testing", "testMs", 30 * minute],
    ["TEST_STEP", "testing", "testMs", 30 * minute],
    ["TEST_SUCCESS", "testing", "downloadMs", 2 * hour],
    ["DOWNLOAD", "downloading", "downloadMs", 2 * hour],
    ["DOWNLOAD_STEP", "downloading", "downloadMs", 2 * hour],
    ["DOWNLOAD_SUCCESS", "downloading", "installMs", hour],
    ["INSTALL", "installing", "installMs", hour],
    ["INSTALL_STEP", "installing", "installMs", hour],
    ["INSTALL_SUCCESS", "confirming", "confirmMs", hour],
  ] as const)("%s leads to %s, and %s runs from its arrival", (status, state, deadlineOf, timeoutMs) => {
    const lab = underWay();
    lab.wait(minute);
    const outcome = lab.report(status, { message: "m", stamp: lab.now - 4000 });
    expect(lab.update()).toMatchObject({
      state,
      phase: state,
      deadlineOf,
      deadlineAt: lab.now + timeoutMs,
      status,
      message: "m",
      startedAt: lab.now,
      lastReportAt: lab.now,
    });
    expect(lineOf(outcome)).toMatchObject({
      kind: "report",
      decision: "applied",
      from: "sent",
      to: state,
      stampedAt: lab.now - 4000,
      at: lab.now,
      attempt: 1,
    });
  });

  it("keeps when the attempt began", () => {
    const lab = underWay("INIT");
    lab.wait(minute);
    lab.report("DOWNLOAD");
    expect(lab.update().startedAt).toBe(start);
  });

  it("renews the phase where the same status says something new, and the line carries no change of state", () => {
    const lab = underWay("DOWNLOAD_STEP");
    lab.wait(minute);
    const outcome = lab.report("DOWNLOAD_STEP", { message: "40%" });
    expect(outcome.decision).toBe("applied");
    expect(lab.update()).toMatchObject({ deadlineAt: lab.now + 2 * hour, message: "40%" });
    expect(lineOf(outcome)).not.toHaveProperty("from");
    expect(lineOf(outcome)).not.toHaveProperty("to");
    expect(outcome.events.map(({ type }) => type)).toEqual(["report.decided"]);
  });

  it("takes a report without a message for one that says nothing more", () => {
    const lab = underWay();
    lab.report("DOWNLOAD", { message: "x" });
    lab.report("DOWNLOAD_SUCCESS");
    expect(lab.update()).not.toHaveProperty("message");
  });

  it("runs no deadline where the time-out is switched off", () => {
    const lab = makeLab({ a: { timeouts: { testMs: null } } });
    lab.write();
    lab.report("INIT");
    expect(lab.update()).not.toHaveProperty("deadlineAt");
    expect(lab.update().deadlineOf).toBe("testMs");
  });

  it("is delivery too, for a report of the attempt other than INSTALLED_VERSION", () => {
    const lab = makeLab();
    lab.write();
    lab.report("INSTALLED_VERSION", { version: "0.1" });
    expect(lab.update()).not.toHaveProperty("deliveredAt");
    lab.wait(1);
    lab.report("INIT");
    expect(lab.update()).toMatchObject({ deliveredAt: lab.now, everDelivered: true });
    lab.wait(1);
    lab.report("TEST");
    expect(lab.update().deliveredAt).toBe(lab.now - 1);
  });
});

describe("repeat", () => {
  it("is the same version, status and message as the attempt's last, and renews the phase deadline", () => {
    const lab = underWay("DOWNLOAD_STEP");
    lab.wait(minute);
    expect(lab.report("DOWNLOAD_STEP").decision).toBe("repeat");
    expect(lab.update()).toMatchObject({ deadlineAt: lab.now + 2 * hour, lastReportAt: lab.now });
    expect(lab.report("DOWNLOAD_STEP", { message: "" }).decision).toBe("applied");
  });

  it("is measured by the attempt's last report, a late one included", () => {
    const lab = underWay("TEST", "DOWNLOAD", "TEST");
    expect(lab.outcomes.at(-1)?.decision).toBe("late");
    expect(lab.report("TEST").decision).toBe("repeat");
    expect(lab.report("DOWNLOAD").decision).toBe("applied");
  });

  it("renews a deadline by what the attempt has reached, also after a late report", () => {
    const lab = underWay("DOWNLOAD", "TEST");
    lab.wait(minute);
    lab.report("TEST");
    expect(lab.update()).toMatchObject({ deadlineOf: "downloadMs", deadlineAt: lab.now + 2 * hour });
  });

  it("never ends an attempt: an error said twice is one error of each attempt", () => {
    const lab = makeLab({ a: { retry: { delayMs: 0 } } });
    lab.write();
    lab.report("DOWNLOAD_ERROR");
    lab.tick();
    lab.release();
    expect(lab.report("DOWNLOAD_ERROR").decision).toBe("applied");
    expect(lab.state()).toBe("retrying");
  });

  it("does not carry over to the next attempt", () => {
    const lab = makeLab({ a: { retry: { delayMs: 0 } } });
    lab.write();
    lab.report("DOWNLOAD");
    lab.report("DOWNLOAD_ERROR");
    lab.tick();
    lab.release();
    expect(lab.report("DOWNLOAD").decision).toBe("applied");
  });
});

describe("late", () => {
  it("is a rank below what this attempt reached, renews the phase deadline and moves nothing", () => {
    const lab = underWay("INSTALL");
    lab.wait(minute);
    const outcome = lab.report("DOWNLOAD_STEP", { message: "x" });
    expect(outcome.decision).toBe("late");
    expect(lab.update()).toMatchObject({
      state: "installing",
      status: "INSTALL",
      deadlineAt: lab.now + hour,
      lastReportAt: lab.now,
    });
    expect(lab.update()).not.toHaveProperty("message");
  });

  it.each(
    progressStatuses.flatMap((reached, at) =>
      progressStatuses.slice(1).map((said, index) => ({ reached, said, below: index + 1 < at })),
    ),
  )("$said after $reached is late if it ranks below: $below", ({ reached, said, below }) => {
    const outcome = underWay(reached).report(said, { message: "new" });
    expect(outcome.decision).toBe(below ? "late" : "applied");
  });

  it("leaves a final update as it is", () => {
    const lab = underWay("INSTALL_ABORTED");
    const before = lab.update();
    expect(lab.report("DOWNLOAD").decision).toBe("late");
    expect(lab.update()).toEqual(before);
  });
});

describe("restart", () => {
  it("is INIT while the rank reached is above INIT's: back to started, rank forgotten", () => {
    const lab = underWay("INSTALL_SUCCESS");
    expect(lab.report("INIT").decision).toBe("restart");
    expect(lab.update()).toMatchObject({
      state: "started",
      phase: "started",
      rank: 1,
      restarts: 1,
      status: "INIT",
    });
    expect(lab.update()).not.toHaveProperty("installSuccessAt");
    expect(lab.report("TEST").decision).toBe("applied");
  });

  it("is none where only INIT was reached", () => {
    expect(underWay("INIT").report("INIT", { message: "again" }).decision).toBe("applied");
  });

  it("is late with a supplied stamp older than the attempt's last report, which renews", () => {
    const lab = underWay("TEST");
    lab.wait(minute);
    expect(lab.report("INIT", { stamp: start - 1 }).decision).toBe("late");
    expect(lab.update()).toMatchObject({ state: "testing", deadlineAt: lab.now + 30 * minute });
    expect(underWay("TEST").report("INIT", { stamp: start }).decision).toBe("restart");
  });

  it("ends the attempt when there are more than 10 in one attempt: failed, not retried", () => {
    const lab = underWay("TEST");
    for (let round = 1; round <= 10; round++) {
      expect(lab.report("INIT").decision).toBe("restart");
      expect(lab.state()).toBe("started");
      lab.report("TEST");
    }
    const outcome = lab.report("INIT");
    expect(outcome.decision).toBe("restart");
    expect(lab.update()).toMatchObject({ state: "failed", reason: "RESTART_LOOP", phase: "testing" });
  });
});

describe("stale", () => {
  /** A second attempt whose first one had been delivered, written a minute after it. */
  function secondAttempt() {
    const lab = makeLab({ a: { retry: { delayMs: minute } } });
    lab.write();
    lab.deliver();
    lab.report("DOWNLOAD_ERROR");
    lab.wait(minute);
    lab.tick();
    lab.release();
    return lab;
  }

  it.each(["DOWNLOAD", "DOWNLOAD_ERROR", "INSTALL_ABORTED", "INIT"] as const)(
    "is a %s whose supplied stamp lies more than 5 s before the write, where a value had been delivered before it",
    (status) => {
      const lab = secondAttempt();
      const before = lab.update();
      const outcome = lab.report(status, { stamp: lab.now - 5001 });
      expect(outcome).toMatchObject({ decision: "stale", deploymentId: "a" });
      expect(lineOf(outcome)).toMatchObject({ decision: "stale", deploymentId: "a", attempt: 2 });
      expect(lab.update()).toEqual(before);
      expect(secondAttempt().report(status, { stamp: lab.now - 5000 }).decision).toBe("applied");
    },
  );

  it("is none without a supplied stamp", () => {
    expect(secondAttempt().report("DOWNLOAD").decision).toBe("applied");
  });

  it("is none where no value of the version had been delivered: the device's clock is just wrong", () => {
    const lab = makeLab();
    lab.write();
    lab.deliver();
    expect(lab.report("DOWNLOAD", { stamp: lab.now - hour }).decision).toBe("applied");
    const unseen = makeLab({ a: { retry: { on: ["ACKNOWLEDGE_TIMEOUT"], delayMs: 0 } } });
    unseen.write();
    unseen.timeOut();
    unseen.tick();
    unseen.release();
    unseen.deliver();
    expect(unseen.update().attempt).toBe(2);
    expect(unseen.report("DOWNLOAD", { stamp: unseen.now - hour }).decision).toBe("applied");
  });

  it("counts a value of the version that an older deployment delivered", () => {
    const lab = makeLab({ a: { version: "1" }, b: { version: "1", force: true }, c: { version: "2" } });
    lab.write("a");
    lab.deliver("a");
    lab.wait(minute);
    lab.write("b");
    expect(lab.report("DOWNLOAD", { version: "1", stamp: lab.now - 6000 })).toMatchObject({
      decision: "stale",
      deploymentId: "b",
    });
    lab.wait(minute);
    lab.write("c");
    expect(lab.report("DOWNLOAD", { version: "2", stamp: lab.now - 6000 }).decision).toBe("applied");
  });

  it("is judged for a report on a final update too, and never corrects", () => {
    const lab = secondAttempt();
    lab.report("INSTALL_ERROR");
    expect(lab.report("DOWNLOAD", { stamp: lab.now - 6000 }).decision).toBe("stale");
    expect(lab.report("DOWNLOAD", { stamp: lab.now }).decision).toBe("late");
  });

  it("is an INSTALLED_VERSION more than 5 s older than the last one taken; else it always sets installedVersion", () => {
    const lab = makeLab();
    lab.report("INSTALLED_VERSION", { version: "3" });
    expect(lab.report("INSTALLED_VERSION", { version: "2", stamp: lab.now - 5001 }).decision).toBe("stale");
    expect(lab.device.installedVersion).toBe("3");
    expect(lab.report("INSTALLED_VERSION", { version: "2", stamp: lab.now - 5000 }).decision).toBe(
      "unmatched",
    );
    expect(lab.device).toMatchObject({ installedVersion: "2", installedStampedAt: lab.now - 5000 });
    expect(lab.report("INSTALLED_VERSION", { version: "4" }).decision).toBe("unmatched");
    expect(lab.device).toMatchObject({ installedVersion: "4", installedStampedAt: lab.now });
  });

  it("comes before the update is even looked for: a stale INSTALLED_VERSION of the target settles nothing", () => {
    const lab = makeLab();
    lab.report("INSTALLED_VERSION", { version: "0.9" });
    lab.wait(minute);
    lab.write();
    lab.deliver();
    expect(lab.report("INSTALLED_VERSION", { stamp: start - 5001 }).decision).toBe("stale");
    expect(lab.state()).toBe("sent");
  });
});

describe("rejected", () => {
  it("is a history line with the raw text and why, and changes no update", () => {
    const lab = underWay();
    const before = lab.update();
    const outcome = lab.do({
      type: "report",
      report: { ok: false, raw: "{", why: "not JSON" },
      stampedAt: lab.now,
      stampSupplied: false,
      clockWrong: true,
    });
    expect(outcome).toMatchObject({
      decision: "rejected",
      events: [{ type: "report.decided", decision: "rejected" }],
    });
    expect(outcome).not.toHaveProperty("deploymentId");
    expect(outcome.lines).toEqual([
      {
        seq: 2,
        at: lab.now,
        stampedAt: lab.now,
        kind: "report",
        raw: "{",
        decision: "rejected",
        note: "not JSON",
        clockWrong: true,
        actor: { kind: "token", id: "tok1" },
      },
    ]);
    expect(lab.update()).toBe(before);
  });
});

describe("errors and aborts", () => {
  it.each(
    errorStatuses.flatMap((status) =>
      (["sent", "INIT", "TEST", "DOWNLOAD", "INSTALL", "INSTALL_SUCCESS"] as const).map(
        (reached) => [status, reached] as const,
      ),
    ),
  )("%s ends the attempt in whatever phase (%s), the message kept", (status, reached) => {
    const lab = makeLab({ a: { retry: { on: [] } } });
    lab.write();
    if (reached !== "sent") lab.report(reached);
    const { phase } = lab.update();
    const outcome = lab.report(status, { message: "no space" });
    expect(outcome.decision).toBe("applied");
    expect(lab.update()).toMatchObject({
      state: "failed",
      reason: status,
      status,
      message: "no space",
      phase,
      endedAt: lab.now,
    });
    expect(lab.update()).not.toHaveProperty("deadlineAt");
    expect(lab.update()).not.toHaveProperty("slot");
    expect(lineOf(outcome)).toMatchObject({ to: "failed", reason: status });
  });

  it("INSTALL_ABORTED ends a retrying update too, and is not retried", () => {
    const lab = underWay("DOWNLOAD_ERROR");
    expect(lab.state()).toBe("retrying");
    lab.report("INSTALL_ABORTED");
    expect(lab.update()).toMatchObject({ state: "aborted", reason: "INSTALL_ABORTED" });
    expect(lab.update()).not.toHaveProperty("retryAt");
  });
});

describe("in retrying", () => {
  const on = ["DOWNLOAD_TIMEOUT", "DOWNLOAD_ERROR", "FELL_BACK"] as const;
  function retrying(by: "error" | "timeout") {
    const lab = makeLab({ a: { retry: { on } } });
    lab.write();
    lab.report("DOWNLOAD_STEP");
    lab.wait(minute);
    if (by === "error") lab.report("DOWNLOAD_ERROR");
    else lab.timeOut();
    expect(lab.state()).toBe("retrying");
    return lab;
  }

  it.each(["error", "timeout"] as const)("INIT resumes the same attempt after an %s, as a restart", (by) => {
    const lab = retrying(by);
    expect(lab.report("INIT").decision).toBe("restart");
    expect(lab.update()).toMatchObject({ state: "started", attempt: 1, restarts: 1, slot: true });
    for (const gone of ["retryAt", "reason", "attemptEndedBy", "ready"]) {
      expect(lab.update()).not.toHaveProperty(gone);
    }
    expect(lab.update().deadlineAt).toBe(lab.now + 30 * minute);
  });

  it.each(["error", "timeout"] as const)("INSTALL_SUCCESS resumes the same attempt after an %s", (by) => {
    const lab = retrying(by);
    expect(lab.report("INSTALL_SUCCESS").decision).toBe("applied");
    expect(lab.update()).toMatchObject({ state: "confirming", attempt: 1, deadlineAt: lab.now + hour });
    expect(lab.update()).not.toHaveProperty("retryAt");
  });

  it("progress not below the rank reached resumes after a time-out, the same as the last included", () => {
    expect(retrying("timeout").report("DOWNLOAD_STEP").decision).toBe("applied");
    const lab = retrying("timeout");
    expect(lab.report("INSTALL").decision).toBe("applied");
    expect(lab.state()).toBe("installing");
    const below = retrying("timeout");
    expect(below.report("DOWNLOAD").decision).toBe("late");
    expect(below.state()).toBe("retrying");
  });

  it("any other ranked status or error is late, and renews nothing", () => {
    for (const status of ["TEST", "DOWNLOAD_STEP", "INSTALL", ...errorStatuses] as const) {
      const lab = retrying("error");
      const { retryAt } = lab.update();
      expect(lab.report(status).decision, status).toBe("late");
      expect(lab.update()).toMatchObject({ state: "retrying", retryAt });
      expect(lab.update()).not.toHaveProperty("deadlineAt");
    }
  });

  it("any with a supplied stamp older than the attempt's last report is late", () => {
    for (const status of [
      "INIT",
      "INSTALL_SUCCESS",
      "INSTALL",
      "DOWNLOAD_ERROR",
      "INSTALL_ABORTED",
    ] as const) {
      const lab = retrying("error");
      expect(lab.report(status, { stamp: lab.now - 1 }).decision, status).toBe("late");
      expect(lab.state()).toBe("retrying");
    }
  });

  it("a late report does not make older stamps newer", () => {
    const lab = retrying("error");
    const { now } = lab;
    lab.report("INSTALL_SUCCESS", { stamp: now - 10 });
    expect(lab.report("INIT", { stamp: now - 5 }).decision).toBe("late");
    expect(lab.report("INIT", { stamp: now }).decision).toBe("restart");
  });

  it("INSTALLED_VERSION of the target succeeds", () => {
    const lab = retrying("error");
    lab.report("INSTALLED_VERSION");
    expect(lab.update()).toMatchObject({ state: "succeeded", confirmed: true });
    expect(lab.update()).not.toHaveProperty("reason");
    expect(lab.update()).not.toHaveProperty("retryAt");
  });

  it("INSTALLED_VERSION of another version ends nothing", () => {
    const lab = retrying("error");
    expect(lab.report("INSTALLED_VERSION", { version: "0.9" }).decision).toBe("unmatched");
    expect(lab.state()).toBe("retrying");
  });

  it("a report is delivery too, but takes no slot", () => {
    const lab = makeLab({ a: { retry: { on: ["ACKNOWLEDGE_TIMEOUT"] } } });
    lab.write();
    lab.timeOut();
    lab.report("TEST_ERROR");
    expect(lab.update()).toMatchObject({ state: "retrying", everDelivered: true });
    expect(lab.update()).not.toHaveProperty("slot");
  });
});
