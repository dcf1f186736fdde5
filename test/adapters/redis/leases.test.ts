import { describe, expect, it } from "vitest";
import { makeLeases } from "../../../modules/adapters/redis/leases.ts";
import { useBench } from "./product-support.ts";

const bench = useBench();
const leases = () => makeLeases({ redis: bench().redis.client, clock: bench().clock });

describe("a lease", () => {
  it("is held by one of many", async () => {
    const held = await Promise.all(["a", "b", "c"].map((holder) => leases().acquire("x", holder, 60_000)));
    expect(held.filter((lease) => lease !== undefined)).toHaveLength(1);
    expect(await leases().acquire("y", "b", 60_000)).toBeDefined();
  });

  it("is the same one for the holder who asks twice", async () => {
    const first = await leases().acquire("x", "a", 60_000);
    expect(await leases().acquire("x", "a", 60_000)).toEqual(first);
  });

  it("is renewed and released by its holder alone", async () => {
    await leases().acquire("x", "a", 60_000);
    expect(await leases().renew("x", "b", 60_000)).toBe(false);
    await leases().release("x", "b");
    expect(await leases().renew("x", "a", 60_000)).toBe(true);
    await leases().release("x", "a");
    expect(await leases().renew("x", "a", 60_000)).toBe(false);
    expect(await leases().acquire("x", "b", 60_000)).toBeDefined();
  });

  it("has a higher fence with each new holder, also after the old fence was forgotten", async () => {
    const fences: number[] = [];
    for (const holder of ["a", "b", "a"]) {
      fences.push((await leases().acquire("x", holder, 60_000))?.fence ?? 0);
      await leases().release("x", holder);
    }
    await bench().redis.flush();
    await bench().clock.advance(5000);
    fences.push((await leases().acquire("x", "c", 60_000))?.fence ?? 0);
    expect([...new Set(fences)].sort((a, b) => a - b)).toEqual(fences);
  });

  it("runs out", async () => {
    await leases().acquire("x", "a", 60_000);
    const [key] = await bench().redis.client.keys("*:holder");
    expect(await bench().redis.client.pttl(key ?? "")).toBeGreaterThan(50_000);
    await bench().redis.client.pexpire(key ?? "", 0);
    expect(await leases().acquire("x", "b", 60_000)).toBeDefined();
    expect(await leases().renew("x", "a", 60_000)).toBe(false);
  });
});
