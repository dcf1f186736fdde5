import type { Ms } from "../../otau/model.ts";
import type { DeploymentRecord, DeviceRef } from "../../usecases/ports.ts";
import type { StoreClock } from "./clock.ts";
import { type ShardKeys, shardOf } from "./keys.ts";
import type { StoreMeta } from "./meta.ts";
import type { RedisConnection } from "./scripts.ts";
import type { OrdinalBits, ShardOrder } from "./shard-order.ts";

/** Reads deployments by id; what was prepared and never accepted is not among them. */
export type FindDeployments = (
  productId: string,
  deploymentIds: readonly string[],
) => Promise<ReadonlyMap<string, DeploymentRecord>>;

/** How much history stays near; of the product. */
export type HistoryLimits = { readonly linesMax: number; readonly ageMaxMs: number };

/** What all parts of the device store work with. */
export type StoreContext = {
  readonly redis: RedisConnection;
  readonly meta: StoreMeta;
  readonly clock: StoreClock;
  /** Keys of each shard, by its number. */
  readonly keys: readonly ShardKeys[];
  readonly findDeployments: FindDeployments;
  readonly historyLimits: (productId: string) => HistoryLimits;
  /** The order of a shard's devices, where it is known. `all`: its devices as they are now. */
  readonly orderOf: (productId: string, shard: number, all: OrdinalBits) => ShardOrder | undefined;
};

/** Number of the shard a device lives in. */
export function shardNumberOf({ meta }: StoreContext, productId: string, identity: string): number {
  return shardOf(productId, identity, meta.shardCount);
}

/** Keys of a shard by its number. */
export function keysOfShard({ keys }: Pick<StoreContext, "keys">, shard: number): ShardKeys {
  const found = keys[shard];
  if (found === undefined) throw new RangeError(`shard ${shard} does not exist: there are ${keys.length}`);
  return found;
}

/** Member of the sorted set of what is due: neither part can hold a slash. */
export function dueMember({ productId, identity }: DeviceRef): string {
  return `${productId}/${identity}`;
}

/** The device of a member of {@link dueMember}, or of a hint. */
export function refOfMember(member: string): DeviceRef {
  const end = member.indexOf("/");
  return { productId: member.slice(0, end), identity: member.slice(end + 1) };
}

/** The store's clock. */
export async function readNow({ redis, clock }: StoreContext): Promise<Ms> {
  const [seconds, micros] = await redis.time();
  return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000) + clock.offsetMs();
}

/** Items by shard, each with its place in the whole, so that answers can be put back in order. */
export type ShardGroup<Item> = {
  readonly shard: number;
  readonly entries: readonly { readonly item: Item; readonly at: number }[];
};

/** Sorts items by the shard of their device and cuts each shard's into groups of at most `size`. */
export function groupByShard<Item>(
  context: StoreContext,
  items: readonly Item[],
  refOf: (item: Item) => DeviceRef,
  size: number,
): ShardGroup<Item>[] {
  const open = new Map<number, { item: Item; at: number }[]>();
  const groups: ShardGroup<Item>[] = [];
  for (const [at, item] of items.entries()) {
    const { productId, identity } = refOf(item);
    const shard = shardNumberOf(context, productId, identity);
    let entries = open.get(shard);
    if (entries === undefined || entries.length >= size) {
      entries = [];
      open.set(shard, entries);
      groups.push({ shard, entries });
    }
    entries.push({ item, at });
  }
  return groups;
}

/** Runs the work for each item, so many at a time. */
export async function eachWithLanes<Item>(
  items: readonly Item[],
  lanes: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < items.length) {
      const item = items[next++];
      if (item !== undefined) await work(item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(lanes, items.length) }, lane));
}

/** Batches that are on their way at once: a third would only wait in the server. */
export const lanesMax = 2;
