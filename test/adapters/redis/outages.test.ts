import { describe, expect, it } from "vitest";
import { makeOutageStore } from "../../../modules/adapters/redis/outages.ts";
import { useBench } from "./product-support.ts";

const bench = useBench();
const outages = () => makeOutageStore({ redis: bench().redis.client, clock: bench().clock });

/** Pretends that the last beat came so long ago. */
async function silentFor(ms: number): Promise<void> {
  const key = "otau:{outages}:beat";
  await bench().redis.client.set(key, String(Number(await bench().redis.client.get(key)) - ms));
}

describe("outages", () => {
  it("are none before the first beat, and none while beats come", async () => {
    expect(await outages().outages()).toEqual([]);
    await outages().beat();
    await silentFor(1500);
    await outages().beat();
    expect(await outages().outages()).toEqual([]);
  });

  it("go on while beats stay away, and end with the next one, recorded once", async () => {
    await outages().beat();
    await silentFor(10_000);
    const [ongoing] = await outages().outages();
    expect(ongoing).toEqual({ from: expect.any(Number) });
    await Promise.all([outages().beat(), outages().beat(), outages().beat()]);
    const recorded = await outages().outages();
    expect(recorded).toHaveLength(1);
    const [{ from, to = 0 } = { from: 0 }] = recorded;
    expect(Math.abs(from - (ongoing?.from ?? 0))).toBeLessThanOrEqual(1);
    expect(to - from).toBeGreaterThanOrEqual(10_000);
  });

  it("lie on the store's clock, but are none where only a test moved that clock", async () => {
    await outages().beat();
    await bench().clock.advance(3_600_000);
    await outages().beat();
    expect(await outages().outages()).toEqual([]);
    await silentFor(5000);
    const [ongoing] = await outages().outages();
    const [seconds] = await bench().redis.client.time();
    expect(ongoing?.from).toBeGreaterThan(Number(seconds) * 1000 + 3_500_000);
  });

  it("seen otherwise are recorded once, and forgotten after a day", async () => {
    const [seconds] = await bench().redis.client.time();
    const now = Number(seconds) * 1000;
    const seen = { from: now - 60_000, to: now - 30_000 };
    await outages().record(seen);
    await outages().record(seen);
    expect(await outages().outages()).toEqual([seen]);
    await bench().clock.advance(86_400_000);
    expect(await outages().outages()).toEqual([]);
  });

  it("are kept up to twenty, the newest", async () => {
    const [seconds] = await bench().redis.client.time();
    for (let at = 0; at < 25; at++) {
      const from = Number(seconds) * 1000 + at * 10;
      await outages().record({ from, to: from + 5 });
    }
    const kept = await outages().outages();
    expect(kept).toHaveLength(20);
    expect(kept[0]?.from).toBe(Number(seconds) * 1000 + 50);
  });
});
