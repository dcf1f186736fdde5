import type { Ms } from "../../otau/model.ts";
import type { DeviceFilter } from "../../usecases/ports.ts";
import { keysOfShard, readNow, type StoreContext } from "./store-context.ts";

/** One condition on devices of a shard: in one of the sets or the bitmap, or (not `positive`) in none of them. */
export type Condition = {
  readonly positive: boolean;
  readonly sets: readonly string[];
  readonly bits?: Buffer;
};

/** How long a device counts as online after it was heard of. */
export const onlineMs = 60_000;

/** Bytes of one device in the string of when devices were seen. */
export const seenBytes = 6;

/** A filter's conditions on one shard; `q` is no condition, it bounds the walk. */
export async function conditionsOf(
  context: StoreContext,
  shard: number,
  productId: string,
  filter: DeviceFilter,
): Promise<Condition[]> {
  const keys = keysOfShard(context, shard);
  const conditions: Condition[] = [];
  const oneOf = (sets: readonly string[]) => conditions.push({ positive: true, sets });
  if (filter.updateState !== undefined)
    oneOf(filter.updateState.map((state) => keys.byState(productId, state)));
  if (filter.installedVersion !== undefined) {
    oneOf(filter.installedVersion.map((version) => keys.byVersion(productId, version)));
  }
  for (const [name, values] of Object.entries(filter.tags ?? {})) {
    oneOf(values.map((value) => keys.byTag(productId, name, value)));
  }
  if (filter.drifted !== undefined) {
    conditions.push({ positive: filter.drifted, sets: [keys.drifted(productId)] });
  }
  if (filter.online === undefined && filter.seenBefore === undefined) return conditions;
  return [...conditions, ...(await seenConditions(context, shard, productId, filter))];
}

async function seenConditions(
  context: StoreContext,
  shard: number,
  productId: string,
  { online, seenBefore }: DeviceFilter,
): Promise<Condition[]> {
  const seen = await readSeen(context, shard, productId);
  const conditions: Condition[] = [];
  if (online !== undefined) {
    const since = (await readNow(context)) - onlineMs;
    conditions.push({
      positive: online,
      sets: [],
      bits: bitsBetween(seen, since + 1, Number.POSITIVE_INFINITY),
    });
  }
  if (seenBefore !== undefined) {
    conditions.push({ positive: true, sets: [], bits: bitsBetween(seen, 1, seenBefore) });
  }
  return conditions;
}

/** When the devices of a shard were last heard of: six bytes per ordinal, 0 = never. */
export async function readSeen(context: StoreContext, shard: number, productId: string): Promise<Buffer> {
  const seen = await context.redis.getBuffer(keysOfShard(context, shard).seen(productId));
  return seen ?? Buffer.alloc(0);
}

/** How many devices were heard of at each of the times or later; in a string of {@link readSeen}. */
export function countSeen(seen: Buffer, times: readonly Ms[]): number[] {
  const counts = times.map(() => 0);
  const bytes = new Uint8Array(seen.buffer, seen.byteOffset, seen.length);
  for (let at = 0; at + seenBytes <= bytes.length; at += seenBytes) {
    const seenAt = timeIn(bytes, at);
    if (seenAt === 0) continue;
    for (let each = 0; each < times.length; each++) {
      if (seenAt >= (times[each] ?? 0)) counts[each] = (counts[each] ?? 0) + 1;
    }
  }
  return counts;
}

/** Six bytes as a number; read by hand, as a million of them are read for one list. */
function timeIn(bytes: Uint8Array, at: number): Ms {
  const high = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  const low =
    ((bytes[at + 2] ?? 0) << 24) |
    ((bytes[at + 3] ?? 0) << 16) |
    ((bytes[at + 4] ?? 0) << 8) |
    (bytes[at + 5] ?? 0);
  return high * 4_294_967_296 + (low >>> 0);
}

/** A bitmap of the devices that were heard of at `from` or later, and before `until`. */
function bitsBetween(seen: Buffer, from: Ms, until: Ms): Buffer {
  const bits = Buffer.alloc(Math.ceil(seen.length / seenBytes / 8));
  const bytes = new Uint8Array(seen.buffer, seen.byteOffset, seen.length);
  for (let at = 0, ordinal = 0; at + seenBytes <= bytes.length; at += seenBytes, ordinal++) {
    const seenAt = timeIn(bytes, at);
    if (seenAt < from || seenAt >= until) continue;
    bits[ordinal >> 3] = (bits[ordinal >> 3] ?? 0) | (128 >> (ordinal & 7));
  }
  return bits;
}
