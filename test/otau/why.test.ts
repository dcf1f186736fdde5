import { describe, expect, it } from "vitest";
import { explainWhy } from "../../modules/otau/why.ts";
import { endedRules } from "../../modules/otau/why-ended.ts";
import { type RolloutFacts, type WhyFacts, whyCodes } from "../../modules/otau/why-facts.ts";
import { liveRules } from "../../modules/otau/why-live.ts";
import { waitingRules } from "../../modules/otau/why-waiting.ts";
import { type DeploymentWish, hour, type Lab, makeLab, minute, start } from "./lab.ts";

const seen = new Set<string>();

type Wish = Partial<Omit<WhyFacts, "rollouts" | "stateSince">> & {
  readonly rollouts?: Readonly<Record<string, RolloutFacts>>;
  readonly stateSince?: Readonly<Record<string, number>>;
};

function why(lab: Lab, { rollouts = {}, stateSince = {}, ...wish }: Wish = {}) {
  const answer = explainWhy({
    now: lab.now,
    device: lab.device,
    deployments: lab.deployments,
    online: false,
    rollouts: new Map(Object.entries(rollouts)),
    stateSince: new Map(Object.entries(stateSince)),
    ...wish,
  });
  seen.add(answer.code);
  return answer;
}

/** A device that a deployment took in and nothing was written to yet. */
function waiting(wish: DeploymentWish = {}): Lab {
  const lab = makeLab({ a: wish });
  lab.enrol();
  lab.wait(minute);
  return lab;
}

/** A device to which version 1.0 was written. */
function written(wish: DeploymentWish = {}): Lab {
  const lab = makeLab({ a: wish });
  lab.write();
  return lab;
}

describe("an update that waits for a write", () => {
  it("is held by the withdrawal of its package, which names reason and time", () => {
    const lab = waiting({ withdrawn: true, state: "paused" });
    const withdrawn = { at: start + 10_000, reason: "bricks boot loaders" };
    expect(why(lab, { rollouts: { a: { withdrawn } } })).toMatchObject({
      code: "WITHDRAWN",
      since: start + 10_000,
      deploymentId: "a",
      text: expect.stringContaining("50 s), because: bricks boot loaders"),
      details: { packageId: "package_a", withdrawnReason: "bricks boot loaders", state: "waiting" },
    });
  });

  it("is held by the gate of its deployment, with what the gate counted", () => {
    const lab = waiting({ state: "halted" });
    const gate = { counted: 10, failed: 3, percent: 30, maxFailedPercent: 20 };
    const answer = why(lab, { rollouts: { a: { gate, stateSince: start + 5000 } } });
    expect(answer).toMatchObject({ code: "HALTED", since: start + 5000, details: { gate } });
    expect(answer.text).toContain("3 of 10 finished updates failed (30 %, with 20 % as its limit)");
  });

  it("is held by a pause, since the pause", () => {
    const answer = why(waiting({ state: "paused" }), { rollouts: { a: { stateSince: start + 30_000 } } });
    expect(answer).toMatchObject({ code: "PAUSED", since: start + 30_000 });
    expect(answer.text).toContain("paused since 2026-01-05T12:00:30.000Z (30 s)");
  });

  it("waits for the start of its deployment, until then", () => {
    const startAt = start + 2 * hour;
    const answer = why(waiting({ state: "scheduled" }), { rollouts: { a: { startAt } } });
    expect(answer).toMatchObject({ code: "SCHEDULED", since: start, until: startAt });
    expect(answer.text).toContain("starts at 2026-01-05T14:00:00.000Z (in 1 h 59 min)");
  });

  const wave = { own: 3, open: 1, of: 3, finals: 4, size: 10, advancePercent: 50 };

  it("waits for its wave, with the numbers of the open one", () => {
    const answer = why(waiting(), { rollouts: { a: { wave } } });
    expect(answer).toMatchObject({ code: "WAVE", since: start, details: { wave } });
    expect(answer.text).toContain("in wave 3 of 3, and wave 1 is open with 4 of 10 updates final");
    expect(answer.text).toContain("the next opens at 5 (50 %)");
  });

  it("waits for the approval of the next wave, since the open one is done", () => {
    const approvalSince = start + 40_000;
    const answer = why(waiting(), { rollouts: { a: { wave: { ...wave, finals: 5, approvalSince } } } });
    expect(answer).toMatchObject({
      code: "APPROVAL",
      since: approvalSince,
      details: { wave: { finals: 5 } },
    });
    expect(answer.text).toContain("wave 2 opens when somebody advances deployment a");
  });

  it("does not wait for a wave that is open", () => {
    expect(why(waiting(), { rollouts: { a: { wave: { ...wave, open: 3 } } } }).code).toBe("QUEUED");
  });

  it("waits for a window to open, since the last one closed", () => {
    const window = { opensAt: start + hour, closedAt: start + 20_000, timeZone: "Europe/Berlin" };
    const answer = why(waiting(), { rollouts: { a: { window } } });
    expect(answer).toMatchObject({ code: "WINDOW", since: start + 20_000, until: start + hour });
    expect(answer.text).toContain("(Europe/Berlin)");
    expect(why(waiting(), { rollouts: { a: { window: {} } } }).text).toContain("none will open any more");
  });

  it("waits for its turn in the rate, until the next place", () => {
    const lab = waiting();
    const rate = { perMinute: 60, nextAt: lab.now + 800 };
    const answer = why(lab, { rollouts: { a: { rate, slots: { held: 5, max: 5 } } } });
    expect(answer).toMatchObject({ code: "RATE", until: lab.now + 800, details: { ratePerMinute: 60 } });
    expect(answer.text).toContain("60 devices a minute");
  });

  it("waits for its turn in the rate also while a place is free for another one", () => {
    const lab = waiting();
    expect(why(lab, { rollouts: { a: { rate: { perMinute: 60, nextAt: lab.now } } } }).code).toBe("RATE");
  });

  it("waits for a free slot, with those that are used", () => {
    const lab = waiting();
    const rate = { perMinute: 60, nextAt: lab.now };
    const answer = why(lab, { rollouts: { a: { rate, slots: { held: 5, max: 5 } } } });
    expect(answer).toMatchObject({ code: "SLOT", since: start, details: { slots: { held: 5, max: 5 } } });
    expect(answer.text).toContain("5 of 5");
    expect(why(lab, { rollouts: { a: { slots: { held: 4, max: 5 } } } }).code).toBe("QUEUED");
  });

  it("is queued behind a live one, whatever slots and rate say", () => {
    const lab = makeLab({ a: {}, b: { onActive: "queue" } });
    lab.write("a");
    lab.wait(minute);
    lab.write("b");
    const rollouts = { b: { rate: { perMinute: 1, nextAt: lab.now + minute }, slots: { held: 1, max: 1 } } };
    const answer = why(lab, { rollouts });
    expect(answer).toMatchObject({
      code: "QUEUED",
      since: start + minute,
      deploymentId: "b",
      details: { behind: { deploymentId: "a", version: "1.0", state: "sent" } },
    });
  });

  it("is queued behind an older one that waits", () => {
    const lab = makeLab({ a: {}, b: { onActive: "queue" } });
    lab.enrol("a");
    lab.write("b");
    lab.set("a", { state: "running" });
    const answer = why(lab, { rollouts: { a: { slots: { held: 0, max: 1 } } } });
    expect(answer).toMatchObject({ code: "QUEUED", deploymentId: "b" });
    expect(answer.text).toContain("behind the update to 1.0 (deployment a), which is waiting");
  });

  it("is next in line where nothing stands against it", () => {
    expect(why(waiting())).toMatchObject({ code: "QUEUED", text: expect.stringContaining("next in line") });
  });

  it("lets the device rest, until it may go on", () => {
    const lab = waiting();
    const rest = { failures: 3, withinMs: hour, since: start, until: start + 2 * hour };
    const answer = why(lab, { rest });
    expect(answer).toMatchObject({ code: "RESTING", since: start, until: start + 2 * hour });
    expect(answer.text).toContain("rests after 3 failures within 1 h");
    expect(why(lab, { rest: { ...rest, until: lab.now } }).code).toBe("QUEUED");
  });

  it("names the oldest of several that wait for the same reason, and counts a reopened one from then", () => {
    const lab = makeLab({ a: { state: "paused" }, b: { state: "paused" } });
    lab.enrol("b");
    lab.enrol("a");
    expect(why(lab, { stateSince: { a: start - 1000 } })).toMatchObject({
      deploymentId: "a",
      since: start - 1000,
    });
  });

  it("comes before what is live, as the list says", () => {
    const lab = makeLab({ a: {}, b: { state: "scheduled" } });
    lab.write("a");
    lab.enrol("b");
    expect(why(lab)).toMatchObject({ code: "SCHEDULED", deploymentId: "b" });
  });

  it("waits for no place once its deployment is canceled or has expired", () => {
    expect(why(waiting({ state: "canceled" }), { rollouts: { a: { stateSince: start } } })).toMatchObject({
      code: "CANCELED",
      since: start,
    });
    expect(why(waiting({ expiresAt: start + 30_000 }))).toMatchObject({
      code: "EXPIRED",
      since: start + 30_000,
    });
  });
});

describe("an update between two attempts", () => {
  function retrying(wish: DeploymentWish = {}): Lab {
    const lab = written(wish);
    lab.report("DOWNLOAD_ERROR", { message: "disk full" });
    return lab;
  }

  it("says when the next attempt begins, and why the last one ended", () => {
    const lab = retrying();
    lab.wait(10_000);
    const answer = why(lab, { stateSince: { a: start } });
    expect(answer).toMatchObject({
      code: "RETRY_AT",
      since: start,
      until: start + minute,
      details: { reason: "DOWNLOAD_ERROR", attempt: 1, maxAttempts: 3 },
    });
    expect(answer.text).toContain('Attempt 1 of 3 to update to 1.0 ended with DOWNLOAD_ERROR ("disk full")');
    expect(answer.text).toContain("(in 50 s)");
  });

  it("is held by a pause and a withdrawal at once, by windows, rate and slots when it is due", () => {
    const lab = retrying();
    const rollouts = {
      a: { window: { opensAt: start + hour }, slots: { held: 1, max: 1 } },
    };
    expect(why(lab, { rollouts }).code).toBe("RETRY_AT");
    lab.wait(minute);
    lab.tick();
    expect(why(lab, { rollouts }).code).toBe("WINDOW");
    expect(why(lab, { rollouts: { a: { slots: { held: 1, max: 1 } } } }).code).toBe("SLOT");
    lab.set("a", { state: "paused" });
    expect(why(lab).code).toBe("PAUSED");
    lab.set("a", { withdrawn: true });
    expect(why(lab)).toMatchObject({ code: "WITHDRAWN", text: expect.stringContaining("not tried again") });
  });
});

describe("a live update", () => {
  it("names both versions while the device's last report was of another one", () => {
    const lab = written();
    lab.deliver();
    lab.wait(minute);
    lab.report("DOWNLOAD", { version: "0.9" });
    const answer = why(lab, { namedSince: start + 30_000, online: true });
    expect(answer).toMatchObject({
      code: "VERSION_MISMATCH",
      since: start + 30_000,
      details: { version: "1.0", reportedVersion: "0.9" },
    });
    expect(answer.text).toContain("is to 1.0, but the device's last report names 0.9");
    lab.report("INIT");
    expect(why(lab, { online: true }).code).toBe("IN_PROGRESS");
  });

  it("waits for a device that is offline, since when, and until the deadline", () => {
    const lab = written();
    lab.wait(hour);
    const answer = why(lab, { lastSeenAt: start + minute });
    expect(answer).toMatchObject({
      code: "OFFLINE",
      since: start + minute,
      until: start + 7 * 24 * hour,
      details: { online: false, lastSeenAt: "2026-01-05T12:01:00.000Z" },
    });
    expect(answer.text).toContain("last heard from at 2026-01-05T12:01:00.000Z (59 min ago)");
    expect(why(lab).text).toContain("never heard from");
  });

  it("waits for the acknowledgement of a device that is online, or was handed the value", () => {
    const lab = written();
    lab.wait(5000);
    expect(why(lab, { online: true })).toMatchObject({ code: "NOT_ACKNOWLEDGED", since: start });
    lab.deliver();
    lab.wait(5000);
    const answer = why(lab);
    expect(answer).toMatchObject({ code: "NOT_ACKNOWLEDGED", since: start + 5000 });
    expect(answer.text).toContain("was handed over at 2026-01-05T12:00:05.000Z (5 s ago)");
  });

  it("says since when it waits where no time-out is set", () => {
    const lab = written({ timeouts: { acknowledgeMs: null, totalMs: null } });
    lab.wait(3 * hour);
    const answer = why(lab);
    expect(answer).toMatchObject({ code: "OFFLINE", since: start });
    expect(answer.until).toBeUndefined();
    expect(answer.text).toContain("no time-out ends the wait");
  });

  it("is silent after half of its phase's time, and when nothing is heard at all for a minute", () => {
    const lab = written();
    lab.report("DOWNLOAD_STEP", { message: "30 %" });
    lab.wait(minute);
    expect(why(lab)).toMatchObject({ code: "IN_PROGRESS", since: start, until: start + 2 * hour });
    lab.wait(1);
    const answer = why(lab);
    expect(answer).toMatchObject({
      code: "SILENT",
      since: start,
      details: { phase: "downloading", status: "DOWNLOAD_STEP", message: "30 %" },
    });
    expect(answer.text).toContain("The device is downloading 1.0 and has reported nothing since");
    expect(why(lab, { online: true }).code).toBe("IN_PROGRESS");
    lab.now = start + hour;
    expect(why(lab, { online: true }).code).toBe("SILENT");
  });

  it("is silent after an hour where its phase has no time-out", () => {
    const lab = written({ timeouts: { downloadMs: null } });
    lab.report("DOWNLOAD");
    lab.wait(hour - 1);
    expect(why(lab, { online: true }).code).toBe("IN_PROGRESS");
    lab.wait(1);
    expect(why(lab, { online: true }).code).toBe("SILENT");
  });

  it("is in progress, with the last report and the time left", () => {
    const lab = written();
    lab.report("DOWNLOAD_STEP", { message: "30 %" });
    lab.wait(12_000);
    const answer = why(lab);
    expect(answer.code).toBe("IN_PROGRESS");
    expect(answer.text).toBe(
      'The update to 1.0 is under way: downloading, attempt 1 of 3, last report DOWNLOAD_STEP ("30 %") 12 s ago; the time-out falls at 2026-01-05T14:00:00.000Z (in 1 h 59 min).',
    );
  });
});

describe("a device with nothing under way", () => {
  it("failed, with reason, phase, attempt and the device's words", () => {
    const lab = written();
    lab.wait(minute);
    lab.report("INSTALL_ERROR", { message: "bad signature" });
    const answer = why(lab);
    expect(answer).toMatchObject({
      code: "FAILED",
      since: start + minute,
      details: { reason: "INSTALL_ERROR", message: "bad signature" },
    });
    expect(answer.text).toContain("attempt 1 of 3");
  });

  it("timed out, aborted, or was canceled", () => {
    const late = written();
    late.timeOut();
    expect(why(late)).toMatchObject({ code: "TIMED_OUT", details: { reason: "ACKNOWLEDGE_TIMEOUT" } });
    const aborted = written();
    aborted.report("INSTALL_ABORTED", { message: "battery low" });
    expect(why(aborted)).toMatchObject({ code: "ABORTED", text: expect.stringContaining("battery low") });
    const canceled = written();
    canceled.deliver();
    canceled.cancel();
    expect(why(canceled)).toMatchObject({
      code: "CANCELED",
      text: expect.stringContaining("by an operator. The device had been handed it"),
    });
  });

  it("tells who called an update off", () => {
    for (const [reason, words] of [
      ["WITHDRAWN", "its package was withdrawn"],
      ["GATE", "by the gate"],
    ] as const) {
      const lab = written();
      lab.do({ type: "cancel", deploymentId: "a", reason });
      expect(why(lab)).toMatchObject({ code: "CANCELED", text: expect.stringContaining(words) });
    }
  });

  it("expired, at its time or for want of total time", () => {
    const lab = waiting({ expiresAt: start + hour });
    lab.now = start + hour;
    lab.tick();
    const answer = why(lab);
    expect(answer).toMatchObject({ code: "EXPIRED", since: start + hour });
    expect(answer.text).toContain("expired at 2026-01-05T13:00:00.000Z");
    const held = written({ timeouts: { totalMs: hour } });
    held.report("DOWNLOAD_ERROR");
    held.set("a", { state: "paused" });
    held.now = start + hour;
    held.tick();
    expect(why(held)).toMatchObject({
      code: "EXPIRED",
      text: expect.stringContaining("out of its total time"),
    });
  });

  it("names what superseded it, where that is gone", () => {
    const lab = makeLab({ a: {}, b: {} });
    lab.write("a");
    lab.write("b");
    lab.deployments.delete("b");
    const answer = why(lab);
    expect(answer).toMatchObject({ code: "SUPERSEDED", text: expect.stringContaining("deployment b") });
  });

  it("drifted from the version it confirmed, since it first said so", () => {
    const lab = written();
    lab.report("INSTALLED_VERSION");
    lab.wait(hour);
    lab.report("INSTALLED_VERSION", { version: "0.9" });
    const answer = why(lab, { installedSince: start + minute });
    expect(answer).toMatchObject({
      code: "DRIFTED",
      since: start + minute,
      details: { installedVersion: "0.9", confirmedVersion: "1.0" },
    });
    expect(why(lab).since).toBe(start + hour);
  });

  it("had the version already when the update came", () => {
    const lab = makeLab({ a: {} }, { installedVersion: "1.0" });
    lab.write();
    expect(why(lab)).toMatchObject({ code: "ALREADY_INSTALLED", since: start, details: { attempt: 0 } });
  });

  it("is up to date, confirmed or not", () => {
    const lab = written();
    lab.wait(minute);
    lab.report("INSTALLED_VERSION");
    expect(why(lab)).toMatchObject({
      code: "UP_TO_DATE",
      since: start + minute,
      text: "The device is up to date: it installed 1.0 and confirmed it.",
    });
    const unsure = written({ confirm: "optional", timeouts: { confirmMs: null } });
    unsure.report("INSTALL_SUCCESS");
    expect(why(unsure)).toMatchObject({ code: "UP_TO_DATE", text: expect.stringContaining("not confirmed") });
  });

  it("ended as the update did for which another one was left out", () => {
    const lab = makeLab({ a: {}, b: { onActive: "reject" } });
    lab.write("a");
    lab.write("b");
    lab.report("INSTALL_ERROR");
    expect(why(lab)).toMatchObject({ code: "FAILED", deploymentId: "a" });
  });

  it("was spared a downgrade", () => {
    const lab = makeLab({ a: {} }, { installedVersion: "2.0" });
    lab.enrol();
    const updates = [{ ...lab.update(), state: "skipped", reason: "DOWNGRADE", endedAt: start } as const];
    const answer = why(lab, { device: { ...lab.device, updates } });
    expect(answer.code).toBe("UP_TO_DATE");
    expect(answer.text).toBe(
      "The device runs 2.0; the update to 1.0 was left out: that would be a downgrade.",
    );
  });

  it("was never given anything", () => {
    const lab = makeLab({ a: {} });
    expect(why(lab)).toEqual({
      code: "NO_DEPLOYMENT",
      since: start,
      text: "gw-1 has not said what it runs, and no package was ever applied to it.",
      details: {},
    });
    expect(why(makeLab({}, { installedVersion: "0.9" })).text).toContain("runs 0.9");
  });
});

describe("the list of codes", () => {
  it("stands in the order in which the rules are tried", () => {
    const ruled = [...waitingRules, ...liveRules, ...endedRules].map(({ code }) => code);
    expect([...new Set(ruled), "NO_DEPLOYMENT"]).toEqual([...whyCodes]);
  });

  it("is answered to the last code by the cases above", () => {
    expect([...seen].sort()).toEqual([...whyCodes].sort());
  });
});
