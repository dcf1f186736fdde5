/** Where a member of a deployment is kept: its shard, and its ordinal there. */
export type Place = { readonly shard: number; readonly ordinal: number };

/** A wave as it is asked for: a share of the devices in percent, or a number of them. */
export type WantedWave = number | { readonly count: number };

/**
 * A wave of a deployment. Members stand in a line by (ordinal, shard), so that each wave takes from every shard; a
 * wave goes up to its boundary, and whoever joins later belongs where its place is.
 */
export type Wave = {
  /** First place that is not in this wave any more; absent for the last. */
  readonly until?: Place;
  /** Members at the apply. */
  readonly count: number;
  /** As it was asked for; absent for a number of devices. */
  readonly percent?: number;
};

const isCount = (wave: WantedWave): wave is { readonly count: number } => typeof wave !== "number";

/** Why the waves cannot be had; undefined = they can. Percentages are of what the counted waves leave over. */
export function faultOfWaves(waves: readonly WantedWave[]): string | undefined {
  const percents = waves.filter((wave) => typeof wave === "number");
  if (percents.length === 0) return undefined;
  const sum = percents.reduce((total, percent) => total + percent, 0);
  return Math.abs(sum - 100) < 1e-6 ? undefined : `percentages must add up to 100, not ${sum}`;
}

/**
 * How many of `total` devices each wave gets. Percentages are rounded up cumulatively, and each wave has at least
 * one device; a wave for which no device is left is dropped, and devices that no wave names form a last one.
 */
export function waveSizes(
  waves: readonly WantedWave[],
  total: number,
): { count: number; percent?: number }[] {
  const counted = waves.filter(isCount).reduce((sum, { count }) => sum + count, 0);
  const shared = Math.max(0, total - counted);
  const sizes: { count: number; percent?: number }[] = [];
  let left = total;
  let percentSoFar = 0;
  let sharedSoFar = 0;
  for (const wave of waves) {
    if (isCount(wave)) {
      const count = Math.min(wave.count, left);
      if (count > 0) sizes.push({ count });
      left -= count;
      continue;
    }
    percentSoFar += wave;
    // A sum such as 33.3 + 33.3 + 33.4 must not be rounded up by what floating point adds to it.
    const upTo = Math.ceil((shared * percentSoFar) / 100 - 1e-6);
    const count = Math.min(left, Math.max(1, upTo - sharedSoFar));
    if (count > 0) sizes.push({ count, percent: wave });
    sharedSoFar += count;
    left -= count;
  }
  return left > 0 ? [...sizes, { count: left }] : sizes;
}

/** Waves with their boundaries. `members`: per shard a bitmap over ordinals, the first in the highest bit. */
export function placeWaves(
  sizes: readonly { readonly count: number; readonly percent?: number }[],
  members: readonly Uint8Array[],
): Wave[] {
  const waves: Wave[] = [];
  let upTo = 0;
  const line = lineOf(members);
  for (const [at, size] of sizes.entries()) {
    upTo += size.count;
    waves.push(at === sizes.length - 1 ? size : { ...size, until: line(upTo) });
  }
  return waves;
}

/** Answers the place behind the first `count` members; to be asked with rising counts. */
function lineOf(members: readonly Uint8Array[]): (count: number) => Place {
  const length = Math.max(0, ...members.map((bitmap) => bitmap.length));
  let passed = 0;
  let byte = 0;
  return (count) => {
    for (; byte < length; byte++) {
      const here = members.reduce((sum, bitmap) => sum + bitsIn(bitmap[byte] ?? 0), 0);
      if (passed + here >= count) break;
      passed += here;
    }
    let left = count - passed;
    for (let bit = 0; bit < 8; bit++) {
      for (const [shard, bitmap] of members.entries()) {
        if (((bitmap[byte] ?? 0) & (128 >> bit)) === 0) continue;
        left--;
        if (left === 0) return { ordinal: byte * 8 + bit, shard: shard + 1 };
      }
    }
    return { ordinal: length * 8, shard: 0 };
  };
}

/** How many members the bitmaps of the shards hold. */
export function countMembers(members: readonly Uint8Array[]): number {
  let count = 0;
  for (const bitmap of members) for (const byte of bitmap) count += bitsIn(byte);
  return count;
}

function bitsIn(byte: number): number {
  let bits = 0;
  for (let rest = byte; rest > 0; rest >>= 1) bits += rest & 1;
  return bits;
}

function isBefore(place: Place, boundary: Place): boolean {
  if (place.ordinal !== boundary.ordinal) return place.ordinal < boundary.ordinal;
  return place.shard < boundary.shard;
}

/** Number of the wave that a member at the place is in; the first is 1. */
export function waveOf(waves: readonly Wave[], place: Place): number {
  const at = waves.findIndex(({ until }) => until === undefined || isBefore(place, until));
  return at < 0 ? Math.max(1, waves.length) : at + 1;
}

/** In a shard, the first ordinal behind the wave; undefined = the wave takes all that follow. */
export function ordinalLimit(waves: readonly Wave[], wave: number, shard: number): number | undefined {
  if (wave < 1) return 0;
  const until = waves[wave - 1]?.until;
  if (until === undefined) return undefined;
  return shard < until.shard ? until.ordinal + 1 : until.ordinal;
}

/** Whether enough of a wave's members are final for the next one. */
export function isWaveDone(members: number, finals: number, advancePercent: number): boolean {
  return finals * 100 >= members * advancePercent;
}
