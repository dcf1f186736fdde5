import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  faultOfWaves,
  isWaveDone,
  ordinalLimit,
  placeWaves,
  type WantedWave,
  waveOf,
  waveSizes,
} from "../../modules/otau/rollout-waves.ts";

const counts = (waves: readonly WantedWave[], total: number) =>
  waveSizes(waves, total).map(({ count }) => count);

describe("waveSizes", () => {
  it.each([
    [[10, 40, 50], 100, [10, 40, 50]],
    [[10, 40, 50], 3, [1, 1, 1]],
    [[10, 40, 50], 2, [1, 1]],
    [[10, 40, 50], 1, [1]],
    [[1, 9, 90], 50, [1, 4, 45]],
    [[33.3, 33.3, 33.4], 1000, [333, 333, 334]],
    [[10, 90], 15, [2, 13]],
    [[100], 7, [7]],
    [[{ count: 5 }, { count: 20 }], 100, [5, 20, 75]],
    [[{ count: 5 }, { count: 20 }], 12, [5, 7]],
    [[{ count: 1 }, 10, 90], 101, [1, 10, 90]],
  ] as [WantedWave[], number, number[]][])("cuts %j of %i devices into %j", (waves, total, sizes) => {
    expect(counts(waves, total)).toEqual(sizes);
  });

  it("gives every device to exactly one wave, none of them empty", () => {
    const shares = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(shares, fc.integer({ min: 1, max: 3000 }), (parts, total) => {
        const whole = parts.reduce((sum, part) => sum + part, 0);
        const waves = parts.map((part) => (part * 100) / whole);
        expect(faultOfWaves(waves)).toBeUndefined();
        const sizes = counts(waves, total);
        expect(sizes.every((count) => count >= 1)).toBe(true);
        expect(sizes.reduce((sum, count) => sum + count, 0)).toBe(total);
      }),
    );
  });
});

describe("faultOfWaves", () => {
  it("wants percentages that add up to 100", () => {
    expect(faultOfWaves([10, 40])).toBe("percentages must add up to 100, not 50");
    expect(faultOfWaves([{ count: 3 }])).toBeUndefined();
    expect(faultOfWaves([{ count: 3 }, 100])).toBeUndefined();
  });
});

describe("placeWaves", () => {
  it("puts exactly as many members before each boundary as the wave has, in every shard's terms", () => {
    const bitmap = fc.uint8Array({ minLength: 0, maxLength: 12 });
    const shards = fc.array(bitmap, { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(shards, (members) => {
        const places = members.flatMap((bytes, shard) =>
          Array.from({ length: bytes.length * 8 }, (_, ordinal) => ({ shard, ordinal })).filter(
            ({ ordinal }) => ((bytes[ordinal >> 3] ?? 0) & (128 >> (ordinal & 7))) !== 0,
          ),
        );
        fc.pre(places.length > 0);
        const waves = placeWaves(waveSizes([10, 40, 50], places.length), members);
        for (const [at, wave] of waves.entries()) {
          const inside = places.filter((place) => waveOf(waves, place) === at + 1);
          expect(inside).toHaveLength(wave.count);
          for (const { shard, ordinal } of inside) {
            expect(ordinal).toBeLessThan(ordinalLimit(waves, at + 1, shard) ?? Number.POSITIVE_INFINITY);
            expect(ordinal).toBeGreaterThanOrEqual(ordinalLimit(waves, at, shard) ?? 0);
          }
        }
      }),
    );
  });

  it("puts whoever joins behind the last boundary into the last wave", () => {
    const waves = placeWaves(waveSizes([50, 50], 2), [Uint8Array.of(0b11000000)]);
    expect(waveOf(waves, { shard: 0, ordinal: 0 })).toBe(1);
    expect(waveOf(waves, { shard: 0, ordinal: 999 })).toBe(2);
  });
});

describe("isWaveDone", () => {
  it("wants its percentage of the wave's members to be final", () => {
    expect(isWaveDone(10, 9, 100)).toBe(false);
    expect(isWaveDone(10, 10, 100)).toBe(true);
    expect(isWaveDone(10, 8, 80)).toBe(true);
  });
});
