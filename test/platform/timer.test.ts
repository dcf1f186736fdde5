import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import type { TestClock } from "../../modules/adapters/redis/clock.ts";
import { makeFireTimers } from "../../modules/platform/fire-timers.ts";
import { failureOf, log, useServices } from "./support.ts";

const bench = useServices();
const clock = () => bench().app.stores.clock as TestClock;
const leaseMs = 15_000;
const hourMs = 3_600_000;

beforeEach(async () => {
  await bench().Timer.cancelAll();
});

/** A worker's duty whose handler notes what it hears, and fails as often as told. */
function listen(failures = 0) {
  const heard: unknown[] = [];
  let left = failures;
  const fire = makeFireTimers({
    timers: bench().timers,
    emit: async (service, event, payload) => {
      expect([service, event]).toEqual(["timer", "timer"]);
      left -= 1;
      if (left >= 0) throw new Error("the handler fails");
      heard.push(payload);
    },
    log,
  });
  return { heard, fire };
}

/** Another process that is killed the moment its handler hears of a timer; how it ended. */
async function killedWhileFiring(options: { readonly path: string; readonly db: number }): Promise<string> {
  const script = `
    import { Redis } from "ioredis";
    import { openTestClock } from "./modules/adapters/redis/clock.ts";
    import { makeTimerStore } from "./modules/adapters/redis/timers-store.ts";
    import { silentLogger } from "./modules/logger.ts";
    import { makeFireTimers } from "./modules/platform/fire-timers.ts";
    const redis = new Redis(${JSON.stringify(options)});
    const timers = makeTimerStore({ redis, clock: await openTestClock(redis) });
    const emit = async () => process.kill(process.pid, "SIGKILL");
    await makeFireTimers({ timers, emit, log: silentLogger })();
  `;
  const cwd = join(import.meta.dirname, "..", "..");
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], { cwd, stdio: "ignore" });
  const [, signal] = (await once(child, "exit")) as [number | null, string | null];
  return signal ?? "ended by itself";
}

describe("a timer", () => {
  it("is heard once its time has come, once, with its message", async () => {
    const { Timer } = bench();
    const { heard, fire } = listen();
    const message = { text: "hi", list: [1, null] };
    expect(await Timer.sendAfter({ timer_id: "t", duration: 60_000, message })).toEqual({
      result: "ok",
      timer_id: "t",
    });
    expect(await Timer.list()).toEqual({ list: ["t"], result: "ok" });
    expect(await fire()).toEqual({ fired: 0, failed: 0 });
    await clock().advance(60_000);
    expect(await fire()).toEqual({ fired: 1, failed: 0 });
    expect(await fire()).toEqual({ fired: 0, failed: 0 });
    expect(heard).toEqual([{ message, timer_id: "t", solution_id: "default" }]);
    expect(await Timer.list()).toEqual({ list: [], result: "ok" });
  });

  it("gets an id when it has none, and takes the place of one with the same id", async () => {
    const { Timer } = bench();
    const { heard, fire } = listen();
    expect(await Timer.sendAfter({ duration: 0, message: "own" })).toMatchObject({
      timer_id: expect.stringMatching(/./),
    });
    await Timer.sendAfter({ timer_id: "same", duration: 0, message: "first" });
    await Timer.sendAfter({ timer_id: "same", duration: 0, message: "second" });
    await fire();
    expect(heard.map((each) => (each as { message: string }).message).sort()).toEqual(["own", "second"]);
  });

  it("is silent when it is canceled, and cancelling nothing is fine", async () => {
    const { Timer } = bench();
    const { heard, fire } = listen();
    await Timer.sendAfter({ timer_id: "a", duration: 0 });
    expect(await Timer.cancel({ timer_id: "a" })).toEqual({ result: "ok", timer_id: "a" });
    expect(await Timer.cancel({ timer_id: "a" })).toEqual({ result: "ok", timer_id: "a" });
    await Timer.sendAfter({ timer_id: "b", duration: 0 });
    await Timer.sendInterval({ timer_id: "c", duration: 1000 });
    expect(await Timer.cancelAll()).toEqual({ result: "ok" });
    await clock().advance(5000);
    await fire();
    expect(heard).toEqual([]);
  });

  it("refuses durations and messages out of bounds", async () => {
    const { Timer } = bench();
    const wrong = [
      await Timer.sendAfter({ duration: -1 }),
      await Timer.sendAfter({ duration: 1.5 }),
      await Timer.sendAfter(undefined as never),
      await Timer.sendInterval({ duration: 10 }),
      await Timer.sendAfter({ timer_id: "", duration: 1 }),
      await Timer.cancel({} as never),
    ];
    for (const result of wrong) expect(failureOf(result)).toMatchObject({ status: 400, type: "QueryError" });
    expect(failureOf(await Timer.sendAfter({ duration: 1, message: "x".repeat(70_000) })).status).toBe(413);
  });

  it("is not set beyond the most there may be, unless it replaces one", async () => {
    const { timers } = bench();
    const draft = { messageText: "null", durationMs: 1, isInterval: false, productId: "default" };
    expect(await timers.set({ ...draft, id: "a" }, 1)).toBe(true);
    expect(await timers.set({ ...draft, id: "b" }, 1)).toBe(false);
    expect(await timers.set({ ...draft, id: "a" }, 1)).toBe(true);
  });
});

describe("an interval", () => {
  it("keeps its pace however late it is heard, and tells what was missed once", async () => {
    const { Timer, timers } = bench();
    const { heard, fire } = listen();
    await Timer.sendInterval({ timer_id: "i", duration: hourMs });
    const first = (await timers.nextAt()) ?? 0;
    await clock().advance(1.4 * hourMs);
    await fire();
    expect(await timers.nextAt()).toBe(first + hourMs);
    await clock().advance(5 * hourMs);
    await fire();
    expect(heard).toHaveLength(2);
    expect(await timers.nextAt()).toBe(first + 6 * hourMs);
  });

  it("ends when its own handler cancels it", async () => {
    const { Timer, timers } = bench();
    await Timer.sendInterval({ timer_id: "i", duration: 1000 });
    await clock().advance(1000);
    const fire = makeFireTimers({ timers, emit: () => Timer.cancel({ timer_id: "i" }), log });
    expect(await fire()).toEqual({ fired: 1, failed: 0 });
    expect(await Timer.list()).toMatchObject({ list: [] });
  });
});

describe("a firing", () => {
  it("is repeated by another worker when the process that held it is killed", async () => {
    const { Timer, timers, app } = bench();
    const { heard, fire } = listen();
    await Timer.sendAfter({ timer_id: "t", duration: 0, message: "once" });
    expect(await killedWhileFiring(app.redis.options)).toBe("SIGKILL");
    await fire();
    expect(heard).toEqual([]);
    expect(await timers.list()).toEqual(["t"]);
    await clock().advance(leaseMs);
    await fire();
    expect(heard).toMatchObject([{ message: "once" }]);
  });

  it("settles nothing once it lost its lease or the timer was set anew", async () => {
    const { Timer, timers } = bench();
    await Timer.sendAfter({ timer_id: "t", duration: 0, message: "old" });
    const [stale] = await timers.claim(10, leaseMs);
    if (stale === undefined) throw new Error("the timer is due");
    await Timer.sendAfter({ timer_id: "t", duration: 0, message: "new" });
    await timers.settle(stale);
    await timers.postpone(stale, 1_000_000);
    await timers.extend(stale, 1_000_000);
    const { heard, fire } = listen();
    await fire();
    expect(heard).toMatchObject([{ message: "new" }]);
  });

  it("that fails is repeated later and later, then given up", async () => {
    const { Timer, timers, app } = bench();
    const { heard, fire } = listen(3);
    await Timer.sendAfter({ timer_id: "t", duration: 0, message: "at last" });
    for (const waitMs of [1000, 2000, 4000]) {
      const firedAt = await app.stores.devices.now();
      expect(await fire()).toEqual({ fired: 0, failed: 1 });
      expect(await timers.nextAt()).toBeGreaterThanOrEqual(firedAt + waitMs);
      await clock().advance(waitMs);
    }
    expect(await fire()).toEqual({ fired: 1, failed: 0 });
    expect(heard).toMatchObject([{ message: "at last" }]);

    const hopeless = listen(100);
    await Timer.sendAfter({ timer_id: "t", duration: 0 });
    for (let tries = 0; tries < 8; tries++) {
      expect(await hopeless.fire()).toEqual({ fired: 0, failed: 1 });
      await clock().advance(1000 * 2 ** tries);
    }
    expect(await Timer.list()).toMatchObject({ list: [] });
  });

  it("by two workers at once happens once for each timer", async () => {
    const { Timer } = bench();
    const one = listen();
    const other = listen();
    for (let at = 0; at < 120; at++) await Timer.sendAfter({ timer_id: `t${at}`, duration: 0 });
    await Promise.all([one.fire(), other.fire()]);
    const ids = [...one.heard, ...other.heard].map((each) => (each as { timer_id: string }).timer_id);
    expect(ids).toHaveLength(120);
    expect(new Set(ids).size).toBe(120);
  });
});
