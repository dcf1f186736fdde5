import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { useBench } from "./product-support.ts";

const bench = useBench();

type Grant = { readonly at: number; readonly count: number };

/** Most places given out in any window of the width, in milliseconds. */
function busiest(grants: readonly Grant[], widthMs: number): number {
  let most = 0;
  let sum = 0;
  let first = 0;
  for (const { at, count } of grants) {
    sum += count;
    for (let old = grants[first]; old !== undefined && old.at <= at - widthMs; old = grants[first]) {
      sum -= old.count;
      first += 1;
    }
    most = Math.max(most, sum);
  }
  return most;
}

/**
 * Runs pollers on a clock that stands still but for their own steps. The server's time goes on meanwhile, so the
 * offset takes that back.
 */
async function simulate(
  ratePerMinute: number,
  durationMs: number,
  nextPoll: (now: number, nextAt: number) => number,
  want = 1_000_000,
): Promise<Grant[]> {
  const { deployments, clock, redis } = bench();
  const start = 2_000_000_000_000;
  const grants: Grant[] = [];
  let at = start;
  await redis.client.del("otau:{p:default}:rate:d1");
  while (at < start + durationMs) {
    const [seconds, micros] = await redis.client.time();
    await clock.setOffset(at - (Number(seconds) * 1000 + Math.floor(Number(micros) / 1000)));
    const { granted, nextAt } = await deployments.takeRate("default", "d1", ratePerMinute, want);
    // What the script saw may be some milliseconds later than what was set; only what it says counts.
    if (granted > 0) grants.push({ at: at - start, count: granted });
    at = Math.max(at + 1, nextPoll(at, nextAt));
  }
  return grants;
}

const total = (grants: readonly Grant[]) => grants.reduce((sum, { count }) => sum + count, 0);

describe("a deployment's rate", () => {
  it("gives out at most ⌈rate/60⌉ + 1 places in any second, and the rate on average", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(7, 30, 60, 90, 120, 180),
        fc.array(fc.integer({ min: 50, max: 300 }), { minLength: 5, maxLength: 40 }),
        async (rate, pauses) => {
          const minutes = 3;
          let step = 0;
          const grants = await simulate(
            rate,
            minutes * 60_000,
            (now) => now + (pauses[step++ % pauses.length] ?? 50),
          );
          expect(busiest(grants, 1000)).toBeLessThanOrEqual(Math.ceil(rate / 60) + 1);
          // The first place is given at once, before its minute has passed.
          const expected = rate * minutes;
          expect(total(grants)).toBeGreaterThanOrEqual(Math.floor(expected * 0.98) - 1);
          expect(total(grants)).toBeLessThanOrEqual(Math.ceil(expected * 1.02) + 1);
        },
      ),
      { numRuns: 6, seed: 4711 },
    );
  });

  it("keeps a high rate too when the taker comes at the time it was told", async () => {
    for (const rate of [600, 3000]) {
      const grants = await simulate(rate, 30_000, (_, nextAt) => nextAt);
      expect(busiest(grants, 1000)).toBeLessThanOrEqual(rate / 60 + 1);
      expect(total(grants)).toBeGreaterThanOrEqual(rate * 0.5 * 0.98);
      expect(total(grants)).toBeLessThanOrEqual(rate * 0.5 * 1.02);
    }
  });

  it("saves up nothing while nobody takes", async () => {
    const { deployments, clock } = bench();
    expect((await deployments.takeRate("default", "d1", 600, 100)).granted).toBe(1);
    await clock.advance(60_000);
    expect((await deployments.takeRate("default", "d1", 600, 100)).granted).toBeLessThanOrEqual(6);
  });

  it("takes effect at once when it is changed", async () => {
    const { deployments, clock } = bench();
    expect((await deployments.takeRate("default", "d1", 1, 5)).granted).toBe(1);
    await clock.advance(1000);
    expect((await deployments.takeRate("default", "d1", 1, 5)).granted).toBe(0);
    expect((await deployments.takeRate("default", "d1", 60, 5)).granted).toBe(1);
  });

  it("gives no more than was wanted, and says when the next one comes free", async () => {
    const { deployments, clock } = bench();
    const first = await deployments.takeRate("default", "d1", 30, 10);
    expect(first.granted).toBe(1);
    const second = await deployments.takeRate("default", "d1", 30, 10);
    expect(second).toMatchObject({ granted: 0, nextAt: first.nextAt });
    await clock.advance(10_000);
    expect((await deployments.takeRate("default", "d1", 6000, 3)).granted).toBe(3);
  });

  it("is shared by all who take at once", async () => {
    const { deployments } = bench();
    const other = bench().otherDeployments();
    const taken = await Promise.all(
      Array.from({ length: 20 }, (_, at) => (at % 2 ? deployments : other).takeRate("default", "d1", 1, 5)),
    );
    expect(taken.reduce((sum, { granted }) => sum + granted, 0)).toBe(1);
  });
});
