import { setImmediate as nextTurn } from "node:timers/promises";
import { chunkSize } from "./keys.ts";
import { countBits } from "./ordinal-bits.ts";
import type { OrdinalBits, ShardOrder } from "./shard-order.ts";
import { keysOfShard, type StoreContext } from "./store-context.ts";

type OrderSource = Pick<StoreContext, "redis" | "keys">;

/** Devices between two identities that are kept. */
export const markEvery = 16;
/** Below this number of devices in a shard walking past them is as good. */
const sizeMin = 1000;
/** So many devices that are not in the order may have come before it is read anew; or this share of it. */
const unknownMax = 256;
const unknownShare = 1 / 64;
/** Chunks of names that are read at once. */
const chunksAtOnce = 25;
/** Shards of which the order is kept; those that were not asked for longest are forgotten. */
const shardsMax = 512;

/** Orders of shards, kept in this process and read when a list first asks for them. */
export function makeDeviceOrders(context: OrderSource) {
  const orders = new Map<string, ShardOrder>();
  const underWay = new Set<string>();
  // One at a time: what lists ask for now must not wait behind all of them.
  let turn: Promise<void> = Promise.resolve();

  async function read(key: string, productId: string, shard: number, size: number): Promise<void> {
    try {
      const order = await readOrder(context, productId, shard, size);
      orders.delete(key);
      orders.set(key, order);
      for (const oldest of orders.keys()) {
        if (orders.size <= shardsMax) break;
        orders.delete(oldest);
      }
    } catch {
      // A list can do without it, and the next one tries again.
    } finally {
      underWay.delete(key);
    }
  }

  /** The order of a shard, if it is there. `all`: the shard's devices as they are now. */
  return function orderOf(productId: string, shard: number, all: OrdinalBits): ShardOrder | undefined {
    const key = `${productId}/${shard}`;
    const order = orders.get(key);
    const unknown = countBits(all, order?.known);
    const bearable = Math.max(unknownMax, (order?.ordinals.length ?? 0) * unknownShare);
    const isOld = order === undefined ? unknown > sizeMin : unknown > bearable;
    if (isOld && !underWay.has(key)) {
      underWay.add(key);
      turn = turn.then(() => read(key, productId, shard, all.length * 8));
    }
    return order;
  };
}

/** Reads a shard's names and sorts them, in small steps: other work of the process goes on meanwhile. */
async function readOrder(
  context: OrderSource,
  productId: string,
  shard: number,
  size: number,
): Promise<ShardOrder> {
  const keys = keysOfShard(context, shard);
  const named: string[] = [];
  const chunks = Math.ceil(size / chunkSize);
  for (let from = 0; from < chunks; from += chunksAtOnce) {
    const numbers = Array.from({ length: Math.min(chunksAtOnce, chunks - from) }, (_, at) => from + at);
    const found = await Promise.all(
      numbers.map((chunk) => context.redis.hgetall(keys.names(productId, chunk))),
    );
    for (const names of found) {
      for (const [ordinal, identity] of Object.entries(names)) {
        named.push(`${identity}\0${ordinal}`);
      }
    }
    await nextTurn();
  }
  // As texts they are sorted faster than with a comparison of our own; no identity holds the character between.
  named.sort();
  const ordinals = Uint32Array.from(named, (each) => Number(each.slice(each.indexOf("\0") + 1)));
  const known = new Uint8Array(Math.ceil(size / 8) + chunkSize);
  for (const ordinal of ordinals) known[ordinal >> 3] = (known[ordinal >> 3] ?? 0) | (128 >> (ordinal & 7));
  const marks = named.filter((_, at) => at % markEvery === 0);
  return { ordinals, marks: marks.map((each) => each.slice(0, each.indexOf("\0"))), known };
}

/** Position from which on all identities behind the given one stand. */
export function positionAfter({ marks }: ShardOrder, identity: string): number {
  let low = 0;
  let high = marks.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((marks[middle] ?? "") <= identity) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1) * markEvery;
}
