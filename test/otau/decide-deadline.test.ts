import { describe, expect, it } from "vitest";
import { fireAt } from "../../modules/otau/deadlines.ts";
import { dueAt } from "../../modules/otau/due.ts";
import { retryDelayMs } from "../../modules/otau/retry.ts";
import { retriableReasons } from "../../modules/otau/vocabulary.ts";
import { hour, type Lab, limits, makeLab, minute, start } from "./lab.ts";

const due = (lab: Lab) => dueAt(lab.device, lab.deployments, limits, lab.outages);

describe("a phase deadline", () => {
  it.each([
    ["sent", [], "ACKNOWLEDGE_TIMEOUT"],
    ["started", ["INIT"], "TEST_TIMEOUT"],
    ["testing", ["TEST"], "TEST_TIMEOUT"],
    ["testing", ["TEST_SUCCESS"], "DOWNLOAD_TIMEOUT"],
    ["downloading", ["DOWNLOAD"], "DOWNLOAD_TIMEOUT"],
    ["downloading", ["DOWNLOAD_SUCCESS"], "INSTALL_TIMEOUT"],
    ["installing", ["INSTALL"], "INSTALL_TIMEOUT"],
    ["confirming", ["INSTALL_SUCCESS"], "CONFIRM_TIMEOUT"],
  ] as const)(
    "in %s after %j ends the attempt with %s, after the deadline that ran out",
    (phase, said, reason) => {
      const lab = makeLab({ a: { retry: { on: [] } } });
      lab.write();
      lab.deliver();
      for (const status of said) lab.report(status, { message: "last" });
      const deadlineAt = lab.update().deadlineAt ?? 0;
      lab.now = deadlineAt - 1;
      const early = lab.device;
      if (phase !== "sent") expect(lab.tick().device).toBe(early);
      lab.now = deadlineAt + 3000;
      const outcome = lab.tick();
      expect(lab.update()).toMatchObject({ state: "timed_out", reason, phase, endedAt: lab.now });
      if (said.length > 0) expect(lab.update()).toMatchObject({ status: said[0], message: "last" });
      const line = outcome.lines.at(-1);
      expect(line).toMatchObject({
        kind: "deadline",
        stampedAt: deadlineAt,
        from: phase,
        to: "timed_out",
        reason,
      });
    },
  );

  it("never fires early: it gives a slot back, and nothing else, before", () => {
    const lab = makeLab();
    lab.write();
    lab.now = (lab.update().deadlineAt ?? 0) - 1;
    lab.tick();
    expect(lab.state()).toBe("sent");
  });

  it("is retried where policy and attempts allow", () => {
    for (const name of retriableReasons.filter((reason) => reason.endsWith("TIMEOUT"))) {
      const lab = makeLab({ a: { retry: { on: [name], maxAttempts: 2 } } });
      lab.write();
      const said = {
        ACKNOWLEDGE: [],
        TEST: ["INIT"],
        DOWNLOAD: ["DOWNLOAD"],
        INSTALL: ["INSTALL"],
        CONFIRM: ["INSTALL_SUCCESS"],
      } as const;
      for (const status of said[name.replace("_TIMEOUT", "") as keyof typeof said]) lab.report(status);
      lab.timeOut();
      expect(lab.update(), name).toMatchObject({
        state: "retrying",
        reason: name,
        attemptEndedBy: "timeout",
      });
      expect(lab.update()).not.toHaveProperty("deadlineAt");
      expect(lab.update()).not.toHaveProperty("slot");
    }
  });

  it("confirm: optional goes before any retry policy", () => {
    const lab = makeLab({ a: { confirm: "optional", retry: { on: ["CONFIRM_TIMEOUT"] } } });
    lab.write();
    lab.report("INSTALL_SUCCESS");
    lab.timeOut();
    expect(lab.update()).toMatchObject({ state: "succeeded", confirmed: false });
    expect(lab.update()).not.toHaveProperty("late");
    expect(lab.update()).not.toHaveProperty("reason");
  });
});

describe("the total deadline", () => {
  it("runs from the first write over all attempts, and is never renewed", () => {
    const lab = makeLab({ a: { timeouts: { totalMs: 2 * hour }, retry: { delayMs: minute } } });
    lab.write();
    const { totalDeadlineAt } = lab.update();
    lab.report("DOWNLOAD_ERROR");
    lab.wait(minute);
    lab.tick();
    lab.release();
    lab.wait(minute);
    lab.report("DOWNLOAD");
    expect(lab.update().totalDeadlineAt).toBe(totalDeadlineAt);
    expect(totalDeadlineAt).toBe(start + 2 * hour);
    lab.now = start + 2 * hour;
    const outcome = lab.tick();
    expect(lab.update()).toMatchObject({ state: "timed_out", reason: "TOTAL_TIMEOUT", phase: "downloading" });
    expect(lab.update()).not.toHaveProperty("totalDeadlineAt");
    expect(outcome.lines).toMatchObject([{ kind: "deadline", stampedAt: totalDeadlineAt }]);
  });

  it("fires of two at one instant, and never retries", () => {
    const lab = makeLab({ a: { timeouts: { totalMs: hour, downloadMs: hour } } });
    lab.write();
    lab.report("DOWNLOAD");
    lab.wait(hour);
    const outcome = lab.tick();
    expect(lab.update()).toMatchObject({ state: "timed_out", reason: "TOTAL_TIMEOUT" });
    expect(outcome.lines).toHaveLength(1);
  });

  it("after a phase deadline that fell before it, both judged late, both are told", () => {
    const lab = makeLab({ a: { timeouts: { totalMs: hour + 1, downloadMs: hour } } });
    lab.write();
    lab.report("DOWNLOAD");
    lab.wait(2 * hour);
    expect(lab.tick().lines.map(({ to, reason }) => [to, reason])).toEqual([
      ["retrying", "DOWNLOAD_TIMEOUT"],
      ["timed_out", "TOTAL_TIMEOUT"],
    ]);
  });

  it("in confirming with optional confirmation is a success", () => {
    const lab = makeLab({ a: { confirm: "optional", timeouts: { totalMs: minute } } });
    lab.write();
    lab.report("INSTALL_SUCCESS");
    lab.wait(minute);
    lab.tick();
    expect(lab.update()).toMatchObject({ state: "succeeded", confirmed: false });
  });

  it("in retrying while paused or halted is canceled, reason EXPIRED; while running it is a time-out", () => {
    for (const [state, ends] of [
      ["paused", "canceled"],
      ["halted", "canceled"],
      ["running", "timed_out"],
    ] as const) {
      const lab = makeLab({ a: { timeouts: { totalMs: minute } } });
      lab.write();
      lab.report("DOWNLOAD_ERROR");
      lab.set("a", { state });
      lab.wait(minute);
      lab.tick();
      expect(lab.update()).toMatchObject({
        state: ends,
        reason: ends === "canceled" ? "EXPIRED" : "TOTAL_TIMEOUT",
      });
    }
  });
});

describe("a retry", () => {
  it("is due after its delay, and only then handed to the releaser, with no line", () => {
    const lab = makeLab();
    lab.write();
    lab.report("DOWNLOAD_ERROR");
    expect(lab.update().retryAt).toBe(start + minute);
    lab.wait(minute - 1);
    const early = lab.device;
    expect(lab.tick().device).toBe(early);
    lab.wait(1);
    expect(lab.tick()).toMatchObject({ lines: [], events: [] });
    expect(lab.update()).toMatchObject({ state: "retrying", ready: true });
    expect(due(lab)).toBe(lab.update().totalDeadlineAt);
  });

  it("backs off by the factor up to the greatest delay, spread by the jitter", () => {
    const policy = { maxAttempts: 9, on: [], delayMs: 1000, factor: 3, maxDelayMs: 5000, jitter: 0.2 };
    expect([1, 2, 3, 4].map((n) => retryDelayMs(policy, n, 0.5))).toEqual([1000, 3000, 5000, 5000]);
    expect(retryDelayMs(policy, 1, 0)).toBe(800);
    expect(retryDelayMs(policy, 1, 0.999999)).toBe(1200);
    expect(retryDelayMs({ ...policy, delayMs: 0 }, 10_000, 0.1)).toBe(0);
    expect(retryDelayMs(policy, 10_000, 0.5)).toBe(5000);
  });

  it("ends the attempt for good after the last one, and after the first where maxAttempts is 1", () => {
    const lab = makeLab({ a: { retry: { maxAttempts: 2, delayMs: 0 } } });
    lab.write();
    lab.report("DOWNLOAD_ERROR");
    lab.tick();
    lab.release();
    lab.report("DOWNLOAD_ERROR");
    expect(lab.update()).toMatchObject({ state: "failed", attempt: 2, maxAttempts: 2 });
    const once = makeLab({ a: { retry: { maxAttempts: 1 } } });
    once.write();
    once.report("DOWNLOAD_ERROR");
    expect(once.state()).toBe("failed");
  });

  it("waits longer from attempt to attempt", () => {
    const lab = makeLab();
    lab.write();
    lab.report("DOWNLOAD_ERROR");
    lab.wait(minute);
    lab.release();
    lab.report("DOWNLOAD_ERROR");
    expect(lab.update().retryAt).toBe(lab.now + 2 * minute);
  });

  it("is none while the package is withdrawn, after expiresAt, or once the deployment is canceled", () => {
    for (const change of [{ withdrawn: true }, { expiresAt: start }, { state: "canceled" }] as const) {
      const lab = makeLab();
      lab.write();
      lab.deliver();
      lab.set("a", change);
      lab.report("DOWNLOAD_ERROR");
      expect(lab.state()).toBe("failed");
      const silent = makeLab();
      silent.write();
      silent.report("DOWNLOAD");
      silent.set("a", change);
      silent.timeOut();
      expect(silent.state()).toBe("timed_out");
    }
  });

  it("is planned while paused", () => {
    const lab = makeLab();
    lab.write();
    lab.set("a", { state: "paused" });
    lab.report("DOWNLOAD_ERROR");
    expect(lab.state()).toBe("retrying");
  });

  it("of a withdrawn package ends canceled when it falls due, also where it was already due", () => {
    for (const ready of [false, true]) {
      const lab = makeLab();
      lab.write();
      lab.report("DOWNLOAD_ERROR");
      lab.wait(minute);
      if (ready) lab.tick();
      lab.set("a", { withdrawn: true });
      expect(due(lab)).toBe(lab.now);
      const outcome = lab.tick();
      expect(lab.update()).toMatchObject({ state: "canceled", reason: "WITHDRAWN", deviceMayFinish: true });
      expect(outcome.lines).toMatchObject([{ kind: "system", from: "retrying", to: "canceled" }]);
    }
    const early = makeLab();
    early.write();
    early.report("DOWNLOAD_ERROR");
    early.set("a", { withdrawn: true });
    early.wait(minute - 1);
    early.tick();
    expect(early.state()).toBe("retrying");
  });
});

describe("expiresAt", () => {
  it.each(["waiting", "sent", "retrying"] as const)(
    "ends a %s update canceled, whatever its deployment does",
    (state) => {
      for (const deployment of ["running", "paused", "scheduled"] as const) {
        const lab = makeLab();
        lab.enrol();
        if (state !== "waiting") lab.release();
        if (state === "retrying") lab.report("DOWNLOAD_ERROR");
        expect(lab.state()).toBe(state);
        lab.set("a", { expiresAt: lab.now + 5, state: deployment });
        expect(due(lab)).toBe(lab.now + 5);
        lab.wait(4);
        lab.tick();
        expect(lab.state()).toBe(state);
        lab.wait(1);
        const outcome = lab.tick();
        expect(lab.update()).toMatchObject({ state: "canceled", reason: "EXPIRED" });
        expect(outcome.lines).toMatchObject([{ kind: "deadline", stampedAt: lab.now, reason: "EXPIRED" }]);
        expect(due(lab)).toBeUndefined();
      }
    },
  );

  it("leaves what was delivered alone", () => {
    const lab = makeLab({ a: { expiresAt: start + 5 } });
    lab.write();
    lab.deliver();
    lab.wait(5);
    const before = lab.device;
    expect(lab.tick().device).toBe(before);
  });

  it("ends the undelivered second attempt of an update whose first was delivered: the device may finish", () => {
    const lab = makeLab({ a: { retry: { delayMs: 0 } } });
    lab.write();
    lab.report("DOWNLOAD_ERROR");
    lab.release();
    lab.set("a", { expiresAt: lab.now });
    lab.tick();
    expect(lab.update()).toMatchObject({ state: "canceled", reason: "EXPIRED", deviceMayFinish: true });
  });

  it("wakes what waited behind", () => {
    const lab = makeLab({ a: {}, b: { onActive: "queue" } });
    lab.enrol("a");
    lab.write("b");
    lab.set("a", { expiresAt: lab.now });
    lab.tick();
    expect(lab.update("b").ready).toBe(true);
  });
});

describe("a slot", () => {
  it("is given back by a write that is not delivered within 60 s, with no line", () => {
    const lab = makeLab();
    lab.write();
    expect(due(lab)).toBe(start + minute);
    lab.wait(minute - 1);
    lab.tick();
    expect(lab.update().slot).toBe(true);
    lab.wait(1);
    expect(lab.tick()).toMatchObject({ lines: [], events: [] });
    expect(lab.update()).not.toHaveProperty("slot");
    expect(due(lab)).toBe(lab.update().deadlineAt);
  });

  it("is kept by one that was delivered", () => {
    const lab = makeLab();
    lab.write();
    lab.deliver();
    lab.wait(minute);
    lab.tick();
    expect(lab.update().slot).toBe(true);
  });
});

describe("an outage", () => {
  function downloading() {
    const lab = makeLab({ a: { retry: { on: [] }, timeouts: { totalMs: 3 * hour } } });
    lab.write();
    lab.report("DOWNLOAD");
    return lab;
  }

  it("holds what fell due meanwhile until a grace after recovery, with the original deadline in the record", () => {
    const lab = downloading();
    const deadlineAt = lab.update().deadlineAt ?? 0;
    const to = deadlineAt + 10 * minute;
    lab.outages.push({ from: deadlineAt - minute, to });
    expect(due(lab)).toBe(to + minute);
    lab.now = to + minute - 1;
    const held = lab.device;
    expect(lab.tick().device).toBe(held);
    lab.now = to + minute;
    expect(lab.tick().lines).toMatchObject([{ stampedAt: deadlineAt, reason: "DOWNLOAD_TIMEOUT" }]);
  });

  it("that goes on holds it for good, and what fell due before it fires", () => {
    const lab = downloading();
    const deadlineAt = lab.update().deadlineAt ?? 0;
    lab.outages.push({ from: deadlineAt });
    lab.now = deadlineAt + hour / 2;
    const held = lab.device;
    expect(lab.tick().device).toBe(held);
    expect(due(lab)).toBe(deadlineAt);
    lab.outages[0] = { from: deadlineAt + 1 };
    lab.tick();
    expect(lab.state()).toBe("timed_out");
  });

  it("lets the device be heard in the grace", () => {
    const lab = downloading();
    const deadlineAt = lab.update().deadlineAt ?? 0;
    lab.outages.push({ from: deadlineAt - 1, to: deadlineAt });
    lab.now = deadlineAt + 1;
    lab.report("DOWNLOAD_STEP");
    lab.now = deadlineAt + minute;
    lab.tick();
    expect(lab.state()).toBe("downloading");
  });

  it("makes two deadlines one instant: the total one fires", () => {
    const lab = makeLab({ a: { timeouts: { downloadMs: hour, totalMs: hour + minute } } });
    lab.write();
    lab.report("DOWNLOAD");
    lab.outages.push({ from: start, to: start + 2 * hour });
    lab.now = start + 3 * hour;
    expect(lab.tick().lines).toMatchObject([{ reason: "TOTAL_TIMEOUT" }]);
  });

  it("holds no retry and no expiry", () => {
    const lab = makeLab();
    lab.write();
    lab.report("DOWNLOAD_ERROR");
    lab.outages.push({ from: start });
    lab.wait(minute);
    lab.tick();
    expect(lab.update().ready).toBe(true);
    lab.set("a", { expiresAt: lab.now });
    lab.tick();
    expect(lab.update().reason).toBe("EXPIRED");
  });

  it("may follow another: each gives its grace", () => {
    const outages = [
      { from: 200, to: 300 },
      { from: 100, to: 150 },
    ];
    expect(fireAt(120, outages, 60)).toBe(360);
    expect(fireAt(100, outages, 10)).toBe(160);
    expect(fireAt(150, outages, 10)).toBe(160);
    expect(fireAt(151, outages, 60)).toBe(151);
    expect(fireAt(99, outages, 60)).toBe(99);
    expect(fireAt(300, outages, 60)).toBe(360);
    expect(fireAt(400, [{ from: 100 }, { from: 50, to: 60 }], 60)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("dueAt", () => {
  it("is the earliest of all updates; nothing is due of what ended, waits or was never accepted", () => {
    const lab = makeLab({ a: {}, b: {} });
    expect(due(lab)).toBeUndefined();
    lab.enrol("b");
    expect(due(lab)).toBeUndefined();
    lab.set("b", { expiresAt: start + 5 });
    lab.write("a");
    expect(due(lab)).toBe(start + 5);
    expect(dueAt(lab.device, new Map(), limits)).toBeUndefined();
    lab.cancel("a");
    lab.cancel("b");
    expect(due(lab)).toBeUndefined();
  });

  it("is the phase deadline, the total deadline or the retry, whichever comes first", () => {
    const lab = makeLab({ a: { timeouts: { totalMs: 90 * minute } } });
    lab.write();
    lab.report("INIT");
    expect(due(lab)).toBe(start + 30 * minute);
    lab.report("DOWNLOAD");
    expect(due(lab)).toBe(start + 90 * minute);
    lab.report("DOWNLOAD_ERROR");
    expect(due(lab)).toBe(start + minute);
  });

  it("is nothing for a live update without any time-out, delivered", () => {
    const lab = makeLab({ a: { timeouts: { acknowledgeMs: null, totalMs: null } } });
    lab.write();
    lab.deliver();
    expect(due(lab)).toBeUndefined();
  });
});
