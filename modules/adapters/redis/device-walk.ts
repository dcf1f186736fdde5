import { readNames } from "./deployment-members.ts";
import type { Condition } from "./device-filter.ts";
import { openFew, openInOrder, type ShardSource } from "./device-sources.ts";
import { countBits, noBits, readMatching } from "./ordinal-bits.ts";
import { loadScript, runScript } from "./scripts.ts";
import { keysOfShard, type StoreContext } from "./store-context.ts";

const walkScript = loadScript(import.meta.url, "index-sets.lua", "walk.lua");

/** Identities one script looks at, at most: a longer walk would keep everybody else waiting. */
const scanMax = 5000;
/** So few matching devices of a shard are read and sorted at once. */
const fewMax = 32;
/** Devices unknown to the order of a shard that are looked at one by one. */
const strangersMax = 2000;

/** Which devices of a product, in the order of their identities. */
export type Walk = {
  readonly productId: string;
  /** Conditions of a shard; all must hold. */
  readonly conditions: (shard: number) => Promise<readonly Condition[]>;
  /** Prefix of the identity, whatever its case. */
  readonly prefix?: string;
  readonly after?: string;
};

/** The next identities over all shards, and after which to go on where there are more. */
export async function walkIdentities(
  context: StoreContext,
  walk: Walk,
  limit: number,
): Promise<{ identities: string[]; next?: string }> {
  const share = Math.ceil(((limit + 1) / context.keys.length) * 1.25) + 4;
  const opened = await Promise.all(
    context.keys.map(async (_, shard) => {
      const sources = await openShard(context, walk, shard, share);
      for (const source of sources) await source.fill();
      return sources;
    }),
  );
  const sources = opened.flat();
  const identities: string[] = [];
  while (identities.length <= limit) {
    const first = await takeFirst(sources);
    if (first === undefined) return { identities };
    identities.push(first);
  }
  identities.length = limit;
  const next = identities.at(-1);
  return next === undefined ? { identities } : { identities, next };
}

/** How many match, counted by walking past them. */
export async function countByWalk(context: StoreContext, walk: Walk): Promise<number> {
  const counts = await Promise.all(
    context.keys.map(async (_, shard) => {
      const conditions = await walk.conditions(shard);
      let count = 0;
      let after: string | undefined = walk.after ?? "";
      while (after !== undefined) {
        const page = await walkShard(context, { ...walk, after }, shard, conditions, 0, "count");
        count += page.count;
        after = page.next;
      }
      return count;
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

/** The smallest of the sources' next identities; each comes in order, so the whole does. */
async function takeFirst(sources: readonly ShardSource[]): Promise<string | undefined> {
  let first: ShardSource | undefined;
  let smallest: string | undefined;
  for (const source of sources) {
    const identity = source.peek();
    if (identity !== undefined && (smallest === undefined || identity < smallest)) {
      first = source;
      smallest = identity;
    }
  }
  first?.take();
  await first?.fill();
  return smallest;
}

/** Finds a shard's devices in the way that looks at the fewest. */
async function openShard(
  context: StoreContext,
  walk: Walk,
  shard: number,
  share: number,
): Promise<readonly ShardSource[]> {
  const conditions = await walk.conditions(shard);
  const { productId, prefix = "", after = "" } = walk;
  const { all, matching } = await readMatching(
    context,
    keysOfShard(context, shard).all(productId),
    conditions,
  );
  const place = { productId, shard, after, prefix: prefix.toLowerCase(), share };
  if (countBits(matching) <= fewMax) return [openFew(context, place, matching, noBits)];
  const order = context.orderOf(productId, shard, all);
  if (order === undefined || countBits(matching, order.known) > strangersMax) {
    return [openWalk(context, walk, shard, conditions, share)];
  }
  return [openInOrder(context, place, matching, order), openFew(context, place, matching, order.known)];
}

/** Walks past a shard's devices in the server: for shards that are small, or whose order is not known yet. */
function openWalk(
  context: StoreContext,
  walk: Walk,
  shard: number,
  conditions: readonly Condition[],
  share: number,
): ShardSource {
  let buffer: readonly string[] = [];
  let at = 0;
  let after: string | undefined = walk.after ?? "";
  return {
    peek: () => buffer[at],
    take: () => {
      at++;
    },
    fill: async () => {
      while (at >= buffer.length && after !== undefined) {
        const page = await walkShard(context, { ...walk, after }, shard, conditions, share, "list");
        buffer = page.identities;
        at = 0;
        after = page.next;
      }
    },
  };
}

type ShardPage = {
  readonly identities: readonly string[];
  readonly count: number;
  /** Where to go on; undefined at the end. */
  readonly next: string | undefined;
};

type WalkReply =
  | readonly ["o", readonly number[]]
  | readonly ["w", string, readonly string[]]
  | readonly ["c", string, number];

async function walkShard(
  context: StoreContext,
  { productId, prefix = "", after = "" }: Walk,
  shard: number,
  conditions: readonly Condition[],
  limit: number,
  mode: "list" | "count",
): Promise<ShardPage> {
  const lower = prefix.toLowerCase();
  const shardKeys = keysOfShard(context, shard);
  const keys = [shardKeys.ids(productId)];
  // A deployment goes on counting deleted devices, so its sets alone do not say that there is one.
  const all: Condition[] =
    conditions.length === 0 ? [] : [{ positive: true, sets: [shardKeys.all(productId)] }];
  const whole = [...conditions, ...all];
  const args: (string | number | Buffer)[] = [lower, after, limit, scanMax, mode, whole.length];
  for (const { positive, sets, bits } of whole) {
    args.push(positive ? 1 : 0, sets.length, ...sets.map((set) => keys.push(set)));
    args.push(bits === undefined ? "" : "bits", bits ?? "");
  }
  const reply = (await runScript(context.redis, walkScript, keys, args)) as WalkReply;
  if (reply[0] === "o") {
    const names = await readNames(context, productId, shard, reply[1]);
    const identities = names
      .filter((name) => name !== undefined)
      .filter((name) => name > after && name.toLowerCase().startsWith(lower))
      .sort();
    return { identities, count: identities.length, next: undefined };
  }
  const next = reply[1] === "" ? undefined : reply[1];
  if (reply[0] === "c") return { identities: [], count: reply[2], next };
  return { identities: reply[2], count: reply[2].length, next };
}
