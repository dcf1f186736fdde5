import { describe, expect, it } from "vitest";
import { hour, makeLab, minute, start } from "./lab.ts";

describe("enrol", () => {
  it("makes a waiting update without a history line, once", () => {
    const lab = makeLab();
    const outcome = lab.enrol();
    expect(lab.update()).toEqual({
      deploymentId: "a",
      state: "waiting",
      attempt: 0,
      maxAttempts: 3,
      attemptBase: 0,
      rank: 0,
      restarts: 0,
      createdAt: start,
      revision: 1,
      ready: true,
    });
    expect(outcome).toMatchObject({ lines: [], events: [], deploymentId: "a" });
    const before = lab.device;
    expect(lab.enrol().device).toBe(before);
  });

  it("takes the deployment's attempts, and refuses a deployment that is not there", () => {
    const lab = makeLab({ a: { retry: { maxAttempts: 7 } } });
    lab.enrol();
    expect(lab.update().maxAttempts).toBe(7);
    expect(lab.enrol("nobody")).toMatchObject({ device: lab.device, refused: "NOT_FOUND" });
  });
});

describe("a first write", () => {
  it("sends the value, with its stamp, deadlines, slot and line", () => {
    const lab = makeLab({ a: {} }, { installedVersion: "0.9" });
    lab.enrol();
    lab.wait(minute);
    const outcome = lab.release();
    expect(lab.update()).toEqual({
      deploymentId: "a",
      state: "sent",
      phase: "sent",
      attempt: 1,
      maxAttempts: 3,
      attemptBase: 0,
      rank: 0,
      restarts: 0,
      createdAt: start,
      sentAt: lab.now,
      deadlineOf: "acknowledgeMs",
      deadlineAt: lab.now + 604_800_000,
      totalDeadlineAt: lab.now + 1_209_600_000,
      timestampUs: lab.now * 1000,
      installedAtWrite: "0.9",
      slot: true,
      revision: 2,
    });
    expect(lab.device.configSet).toEqual({ deploymentId: "a", timestampUs: lab.now * 1000 });
    expect(outcome).toMatchObject({ writes: true, notify: true, deploymentId: "a" });
    expect(outcome.lines).toEqual([
      {
        seq: 1,
        at: lab.now,
        kind: "write",
        deploymentId: "a",
        attempt: 1,
        from: "waiting",
        to: "sent",
        actor: lab.actor,
      },
    ]);
    expect(outcome.events).toEqual([
      {
        at: lab.now,
        type: "update.changed",
        seq: 1,
        deploymentId: "a",
        packageId: "package_a",
        version: "1.0",
        attempt: 1,
        from: "waiting",
        to: "sent",
        actor: lab.actor,
        revision: lab.device.revision,
      },
    ]);
  });

  it("has no deadlines where they are switched off", () => {
    const lab = makeLab({ a: { timeouts: { acknowledgeMs: null, totalMs: null } } });
    lab.write();
    expect(lab.update()).not.toHaveProperty("deadlineAt");
    expect(lab.update()).not.toHaveProperty("totalDeadlineAt");
  });

  it("is stamped later than every value before it, whatever the clock did", () => {
    const lab = makeLab({ a: {}, b: {} });
    lab.write("a");
    lab.wait(-hour);
    lab.write("b");
    expect(lab.update("b").timestampUs).toBe(start * 1000 + 1);
    lab.wait(-hour);
    lab.cancel("b");
    lab.retry("b");
    lab.release("b");
    expect(lab.update("b").timestampUs).toBe(start * 1000 + 2);
    const old = makeLab({ a: {} }, { succeededSet: { deploymentId: "x", timestampUs: start * 2000 } });
    old.write();
    expect(old.update().timestampUs).toBe(start * 2000 + 1);
  });

  it("ends the waiting updates of older deployments superseded in the same commit", () => {
    const lab = makeLab({ a: {}, b: {}, c: {} });
    for (const id of ["a", "b", "c"]) lab.enrol(id);
    const outcome = lab.release("b");
    expect(lab.update("a")).toMatchObject({ state: "superseded", reason: "SUPERSEDED", supersededBy: "b" });
    expect(lab.update("a")).not.toHaveProperty("deviceMayFinish");
    expect(lab.state("b")).toBe("sent");
    expect(lab.state("c")).toBe("waiting");
    expect(outcome.lines.map(({ kind, deploymentId, to }) => [kind, deploymentId, to])).toEqual([
      ["system", "a", "superseded"],
      ["write", "b", "sent"],
    ]);
  });

  it("leaves other final updates alone", () => {
    const lab = makeLab({ a: {}, b: {} });
    lab.write("a");
    lab.report("INSTALLED_VERSION");
    const before = lab.update("a");
    lab.write("b");
    expect(lab.update("a")).toBe(before);
  });
});

describe("release of a waiting update judges, in this order", () => {
  it("nothing while its deployment does not run, and nothing for one that is not there", () => {
    for (const state of ["scheduled", "paused", "halted", "canceled", "finished"] as const) {
      const lab = makeLab({ a: { state, withdrawn: true } });
      lab.enrol();
      const before = lab.device;
      expect(lab.release().device).toBe(before);
    }
    const lab = makeLab();
    expect(lab.release().device).toBe(lab.device);
  });

  it("withdrawn before expired", () => {
    const lab = makeLab({ a: { withdrawn: true, expiresAt: start } });
    lab.write();
    expect(lab.update()).toMatchObject({ state: "canceled", reason: "WITHDRAWN", endedAt: start });
  });

  it("expired before overtaken, from its very instant on", () => {
    const lab = makeLab({ a: { expiresAt: start }, b: {} });
    lab.write("b");
    lab.write("a");
    expect(lab.update()).toMatchObject({ state: "canceled", reason: "EXPIRED" });
    const early = makeLab({ a: { expiresAt: start + 1 } });
    early.write();
    expect(early.state()).toBe("sent");
  });

  it("overtaken before already installed: the device got a write from a newer deployment", () => {
    const lab = makeLab({ a: {}, b: {}, c: {} }, { installedVersion: "1.0" });
    lab.write("b");
    lab.report("INSTALLED_VERSION", { version: "2.0" });
    lab.report("INSTALLED_VERSION");
    lab.write("c");
    const outcome = lab.write("a");
    expect(lab.update("a")).toMatchObject({ state: "superseded", reason: "SUPERSEDED", supersededBy: "c" });
    expect(outcome).not.toHaveProperty("writes");
    expect(outcome.lines).toMatchObject([{ kind: "system", to: "superseded", reason: "SUPERSEDED" }]);
  });

  it("not overtaken by a newer write that nobody saw", () => {
    const lab = makeLab({ a: {}, b: {} });
    lab.write("b");
    lab.cancel("b");
    lab.write("a");
    expect(lab.state("a")).toBe("sent");
    const seen = makeLab({ a: {}, b: {} });
    seen.write("b");
    seen.deliver("b");
    seen.cancel("b");
    seen.write("a");
    expect(seen.update("a")).toMatchObject({ state: "superseded", supersededBy: "b" });
  });

  it("already installed: skipped, unless forced or an update of another version is live", () => {
    const lab = makeLab({ a: {}, b: { version: "1.0" } }, { installedVersion: "1.0" });
    lab.write("a");
    expect(lab.update("a")).toMatchObject({ state: "skipped", reason: "ALREADY_INSTALLED", endedAt: start });
    expect(lab.update("a")).not.toHaveProperty("deadlineAt");
    lab.set("b", { force: true });
    lab.write("b");
    expect(lab.update("b")).toMatchObject({ state: "sent", hadTarget: true });
    const same = makeLab({ a: { force: true }, b: { version: "1.0" } }, { installedVersion: "1.0" });
    same.write("a");
    same.write("b");
    expect(same.state("b")).toBe("skipped");
    expect(same.state("a")).toBe("sent");
    const other = makeLab({ a: {}, b: { version: "0.9" } }, { installedVersion: "0.9" });
    other.write("a");
    other.write("b");
    expect(other.state("b")).toBe("sent");
  });

  it("already updating: the same package live, delivered or beyond sent, not forced", () => {
    const same = { a: { packageId: "p" }, b: { packageId: "p" } };
    const unseen = makeLab(same);
    unseen.write("a");
    unseen.write("b");
    expect(unseen.state("a")).toBe("superseded");
    expect(unseen.state("b")).toBe("sent");
    const seen = makeLab(same);
    seen.write("a");
    seen.deliver("a");
    seen.write("b");
    expect(seen.update("b")).toMatchObject({ state: "skipped", reason: "ALREADY_UPDATING" });
    const forced = makeLab({ ...same, b: { packageId: "p", force: true } });
    forced.write("a");
    forced.deliver("a");
    forced.write("b");
    expect(forced.state("b")).toBe("sent");
  });

  it("retrying counts as beyond sent, delivered or not", () => {
    const lab = makeLab({
      a: { packageId: "p", retry: { on: ["ACKNOWLEDGE_TIMEOUT"], delayMs: hour } },
      b: { packageId: "p" },
    });
    lab.write("a");
    lab.timeOut("a");
    lab.write("b");
    expect(lab.update("b")).toMatchObject({ state: "skipped", reason: "ALREADY_UPDATING" });
  });

  it("for a config_otau set directly the same package is the same text", () => {
    const texts = (text: string) => ({
      a: { source: "device2" as const, packageId: "", configText: "{1}" },
      b: { packageId: "", configText: text },
    });
    for (const [text, state] of [
      ["{1}", "skipped"],
      ["{2}", "sent"],
    ] as const) {
      const lab = makeLab(texts(text));
      lab.write("a");
      lab.deliver("a");
      lab.write("b");
      expect(lab.state("b")).toBe(state);
    }
    const other = makeLab({
      a: { packageId: "p", configText: "{1}" },
      b: { packageId: "p", configText: "{2}" },
    });
    other.write("a");
    other.deliver("a");
    other.write("b");
    expect(other.state("b")).toBe("skipped");
  });

  it("another live one, supersede: the old one ends superseded, in the same commit", () => {
    const lab = makeLab({ a: {}, b: {} });
    lab.write("a");
    const outcome = lab.write("b");
    expect(lab.update("a")).toMatchObject({ state: "superseded", reason: "SUPERSEDED", supersededBy: "b" });
    expect(lab.update("a")).not.toHaveProperty("deviceMayFinish");
    expect(lab.update("a")).not.toHaveProperty("slot");
    expect(outcome.events.map(({ deploymentId, to, seq }) => [deploymentId, to, seq])).toEqual([
      ["a", "superseded", 2],
      ["b", "sent", 3],
    ]);
  });

  it("supersede of one that was delivered in any attempt: the device may finish it", () => {
    const lab = makeLab({ a: { retry: { delayMs: 0 } }, b: {} });
    lab.write("a");
    lab.report("DOWNLOAD_ERROR");
    lab.tick();
    lab.release("a");
    expect(lab.update("a")).not.toHaveProperty("deliveredAt");
    lab.write("b");
    expect(lab.update("a")).toMatchObject({ state: "superseded", deviceMayFinish: true });
  });

  it("another live one, queue: stays waiting, held back until that one ends", () => {
    const lab = makeLab({ a: {}, b: { onActive: "queue" } });
    lab.write("a");
    const outcome = lab.write("b");
    expect(lab.state("b")).toBe("waiting");
    expect(lab.update("b")).not.toHaveProperty("ready");
    expect(outcome).not.toHaveProperty("writes");
    expect(outcome.lines).toEqual([]);
    const held = lab.device;
    expect(lab.release("b").device).toBe(held);
    lab.report("INSTALLED_VERSION");
    expect(lab.update("b").ready).toBe(true);
    lab.release("b");
    expect(lab.state("b")).toBe("sent");
  });

  it("another live one, reject: skipped", () => {
    const lab = makeLab({ a: {}, b: { onActive: "reject" } });
    lab.write("a");
    lab.write("b");
    expect(lab.update("b")).toMatchObject({ state: "skipped", reason: "UPDATE_IN_PROGRESS" });
    expect(lab.state("a")).toBe("sent");
  });

  it("queue: stays behind an older waiting one whose deployment runs, oldest first", () => {
    const lab = makeLab({ a: { onActive: "queue" }, b: { onActive: "queue" }, c: { onActive: "queue" } });
    for (const id of ["a", "b", "c"]) lab.enrol(id);
    lab.release("c");
    expect(lab.update("c")).not.toHaveProperty("ready");
    lab.release("a");
    expect(lab.state("a")).toBe("sent");
    const paused = makeLab({ a: { state: "paused" }, b: { onActive: "queue" } });
    paused.enrol("a");
    paused.write("b");
    expect(paused.state("b")).toBe("sent");
    expect(paused.state("a")).toBe("superseded");
  });

  it("queue: is not held by a newer waiting one, and without queue an older one does not hold", () => {
    const newer = makeLab({ a: { onActive: "queue" }, b: {} });
    newer.enrol("b");
    newer.write("a");
    expect(newer.state("a")).toBe("sent");
    const plain = makeLab({ a: {}, b: {} });
    plain.enrol("a");
    plain.write("b");
    expect(plain.state("b")).toBe("sent");
  });
});

describe("what was held back is judged again", () => {
  function held() {
    const lab = makeLab({ a: {}, b: { onActive: "queue" } });
    lab.enrol("a");
    lab.write("b");
    expect(lab.update("b")).not.toHaveProperty("ready");
    return lab;
  }

  it("when an older waiting one ends", () => {
    const lab = held();
    lab.cancel("a");
    expect(lab.update("b")).toMatchObject({ state: "waiting", ready: true });
  });

  it("when that one's deployment is paused or halted", () => {
    const lab = held();
    const outcome = lab.do({ type: "rejudge", deploymentId: "a" });
    expect(outcome).toMatchObject({ deploymentId: "a", lines: [], events: [] });
    expect(lab.update("b").ready).toBe(true);
    const before = lab.device;
    expect(lab.do({ type: "rejudge", deploymentId: "a" }).device).toBe(before);
    const own = held();
    const unchanged = own.device;
    expect(own.do({ type: "rejudge", deploymentId: "b" }).device).toBe(unchanged);
  });

  it("not while nothing ended", () => {
    const lab = makeLab({ a: {}, b: { onActive: "queue" } });
    lab.write("a");
    lab.write("b");
    lab.deliver("a");
    lab.report("DOWNLOAD");
    lab.report("DOWNLOAD_ERROR");
    expect(lab.state("a")).toBe("retrying");
    expect(lab.update("b")).not.toHaveProperty("ready");
  });
});

describe("release of a retrying update", () => {
  function due() {
    const lab = makeLab();
    lab.write();
    lab.deliver();
    lab.report("DOWNLOAD", { message: "x" });
    lab.report("DOWNLOAD_ERROR");
    lab.wait(minute);
    return lab;
  }

  it("writes the next attempt once it is due: nothing of the last attempt is left but what is history", () => {
    const lab = due();
    lab.tick();
    const total = lab.update().totalDeadlineAt;
    const outcome = lab.release();
    expect(lab.update()).toEqual({
      deploymentId: "a",
      state: "sent",
      phase: "sent",
      status: "DOWNLOAD_ERROR",
      attempt: 2,
      maxAttempts: 3,
      attemptBase: 0,
      rank: 0,
      restarts: 0,
      createdAt: start,
      sentAt: lab.now,
      lastReportAt: start,
      deadlineOf: "acknowledgeMs",
      deadlineAt: lab.now + 604_800_000,
      totalDeadlineAt: total,
      timestampUs: lab.now * 1000,
      everDelivered: true,
      deliveredBefore: true,
      slot: true,
      revision: 7,
    });
    expect(outcome).toMatchObject({ writes: true, notify: true });
    expect(outcome.lines).toMatchObject([{ kind: "write", from: "retrying", to: "sent", attempt: 2 }]);
  });

  it("writes nothing before it is due, or while the deployment does not run", () => {
    const early = due();
    early.wait(-1);
    const before = early.device;
    expect(early.release().device).toBe(before);
    const paused = due();
    paused.set("a", { state: "halted" });
    const held = paused.device;
    expect(paused.release().device).toBe(held);
  });

  it("writes without a tick before, from the very instant", () => {
    const lab = due();
    lab.release();
    expect(lab.state()).toBe("sent");
  });

  it("is canceled where the package was withdrawn, or the time is over", () => {
    const withdrawn = due();
    withdrawn.tick();
    withdrawn.set("a", { withdrawn: true });
    withdrawn.release();
    expect(withdrawn.update()).toMatchObject({
      state: "canceled",
      reason: "WITHDRAWN",
      deviceMayFinish: true,
    });
    const expired = due();
    expired.set("a", { expiresAt: expired.now });
    expired.release();
    expect(expired.update()).toMatchObject({ state: "canceled", reason: "EXPIRED" });
  });

  it("knows that the device has the target by now", () => {
    const lab = due();
    lab.report("INSTALLED_VERSION", { version: "0.7" });
    lab.release();
    expect(lab.update()).toMatchObject({ installedAtWrite: "0.7" });
    expect(lab.update()).not.toHaveProperty("hadTarget");
  });

  it("does nothing to what is neither waiting nor retrying", () => {
    const lab = makeLab();
    lab.write();
    const before = lab.device;
    expect(lab.release().device).toBe(before);
  });
});

describe("delivered", () => {
  it("is noted once per attempt, with no history line", () => {
    const lab = makeLab();
    lab.write();
    lab.wait(10);
    const outcome = lab.deliver();
    expect(outcome).toMatchObject({ deploymentId: "a", lines: [], events: [] });
    expect(lab.update()).toMatchObject({ state: "sent", deliveredAt: lab.now, everDelivered: true });
    const before = lab.device;
    lab.wait(10);
    expect(lab.deliver().device).toBe(before);
  });

  it("takes the slot back that was given up, even above the limit", () => {
    const lab = makeLab();
    lab.write();
    lab.wait(minute);
    lab.tick();
    expect(lab.update()).not.toHaveProperty("slot");
    lab.deliver();
    expect(lab.update().slot).toBe(true);
  });

  it("of an older value, or of one that ended, changes nothing", () => {
    const lab = makeLab();
    lab.write();
    const before = lab.device;
    expect(lab.do({ type: "delivered", timestampUs: 1 }).device).toBe(before);
    lab.report("INSTALLED_VERSION");
    const succeeded = lab.device;
    expect(lab.deliver().device).toBe(succeeded);
  });

  it("between attempts is of the attempt that ended, and takes no slot", () => {
    const lab = makeLab({ a: { retry: { on: ["ACKNOWLEDGE_TIMEOUT"] } } });
    lab.write();
    lab.timeOut();
    lab.deliver();
    expect(lab.update()).toMatchObject({ state: "retrying", deliveredAt: lab.now });
    expect(lab.update()).not.toHaveProperty("slot");
  });
});

describe("an update whose deployment was never accepted", () => {
  it("is invisible: it is not judged, holds nobody back and is not superseded", () => {
    const lab = makeLab({ a: {}, b: { onActive: "queue" } });
    lab.enrol("a");
    lab.deployments.delete("a");
    const before = lab.device;
    expect(lab.release("a").device).toBe(before);
    expect(lab.tick().device).toBe(before);
    expect(lab.cancel("a")).toMatchObject({ refused: "NOT_FOUND" });
    lab.write("b");
    expect(lab.state("b")).toBe("sent");
    expect(lab.state("a")).toBe("waiting");
  });
});
