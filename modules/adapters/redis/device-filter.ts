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
    conditions.push({ positive: online, sets: [], bits: bitsWhere(seen, (at) => at > since) });
  }
  if (seenBefore !== undefined) {
    conditions.push({ positive: true, sets: [], bits: bitsWhere(seen, (at) => at > 0 && at < seenBefore) });
  }
  return conditions;
}

/** When the devices of a shard were last heard of: six bytes per ordinal, 0 = never. */
export async function readSeen(context: StoreContext, shard: number, productId: string): Promise<Buffer> {
  const seen = await context.redis.getBuffer(keysOfShard(context, shard).seen(productId));
  return seen ?? Buffer.alloc(0);
}

/** Each device's time in a string of {@link readSeen}. */
export function eachSeen(seen: Buffer, visit: (at: Ms, ordinal: number) => void): void {
  const count = Math.floor(seen.length / seenBytes);
  for (let ordinal = 0; ordinal < count; ordinal++)
    visit(seen.readUIntBE(ordinal * seenBytes, seenBytes), ordinal);
}

function bitsWhere(seen: Buffer, holds: (at: Ms) => boolean): Buffer {
  const bits = Buffer.alloc(Math.ceil(seen.length / seenBytes / 8));
  eachSeen(seen, (at, ordinal) => {
    const byte = ordinal >> 3;
    if (holds(at)) bits[byte] = (bits[byte] ?? 0) | (128 >> (ordinal & 7));
  });
  return bits;
}
