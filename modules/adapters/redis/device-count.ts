import { randomBytes } from "node:crypto";
import { type UpdateState, updateStates } from "../../otau/vocabulary.ts";
import type { DeviceFilter, DeviceSummary } from "../../usecases/ports.ts";
import { type Condition, conditionsOf, countSeen, onlineMs, readSeen } from "./device-filter.ts";
import { countByWalk } from "./device-walk.ts";
import { inlineScript, loadScript, runScript } from "./scripts.ts";
import { keysOfShard, readNow, type StoreContext } from "./store-context.ts";

const countScript = loadScript(import.meta.url, "index-sets.lua", "count.lua");

/** How many devices match, exactly: shard by shard, by combining bitmaps. */
export async function countDevices(
  context: StoreContext,
  productId: string,
  filter: DeviceFilter,
): Promise<number> {
  const conditions = (shard: number) => conditionsOf(context, shard, productId, filter);
  if (filter.q !== undefined && filter.q !== "") {
    return await countByWalk(context, { productId, conditions, prefix: filter.q });
  }
  const counts = await Promise.all(
    context.keys.map(async (_, shard) => countShard(context, shard, productId, await conditions(shard))),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

async function countShard(
  context: StoreContext,
  shard: number,
  productId: string,
  conditions: readonly Condition[],
): Promise<number> {
  const shardKeys = keysOfShard(context, shard);
  if (conditions.length === 0) return await context.redis.zcard(shardKeys.ids(productId));
  const scratch = randomBytes(9).toString("base64url");
  const keys = [
    ...[shardKeys.scratch(`${scratch}a`), shardKeys.scratch(`${scratch}b`), shardKeys.scratch(`${scratch}c`)],
    shardKeys.all(productId),
  ];
  const args: (string | number | Buffer)[] = [conditions.length];
  for (const { positive, sets, bits } of conditions) {
    args.push(positive ? 1 : 0, sets.length, ...sets.map((set) => keys.push(set)));
    args.push(bits === undefined ? "" : "bits", bits ?? "");
  }
  return (await runScript(context.redis, countScript, keys, args)) as number;
}

const sizesOf = inlineScript(
  "sizes of sets",
  `local sizes = {}
for key = 1, #KEYS do
  local kind = redis.call('TYPE', KEYS[key])
  if type(kind) == 'table' then kind = kind.ok end
  sizes[key] = kind == 'set' and redis.call('SCARD', KEYS[key])
    or kind == 'string' and redis.call('BITCOUNT', KEYS[key]) or 0
end
return sizes`,
);

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

type ShardSummary = {
  readonly sizes: readonly number[];
  readonly versions: Readonly<Record<string, string>>;
  readonly seen: Buffer;
};

/** Every count of a product's devices, exact: shards count by themselves, in the commit that changes what is counted. */
export async function summariseDevices(context: StoreContext, productId: string): Promise<DeviceSummary> {
  const now = await readNow(context);
  const shards = await Promise.all(
    context.keys.map((_, shard) => readShardSummary(context, shard, productId)),
  );
  const sum = (at: number) => shards.reduce((total, { sizes }) => total + (sizes[at] ?? 0), 0);
  const total = sum(0);
  const byUpdateState = Object.fromEntries(shownStates.map((state, at) => [state, sum(at + 2)]));
  const versions = new Map<string, number>();
  for (const shard of shards) {
    for (const [version, count] of Object.entries(shard.versions)) {
      versions.set(version, (versions.get(version) ?? 0) + Number(count));
    }
  }
  const withVersion = [...versions.values()].reduce((all, count) => all + count, 0);
  const byInstalledVersion: { version: string | null; count: number }[] = [...versions]
    .map(([version, count]) => ({ version, count }))
    .sort((a, b) => b.count - a.count || (a.version < b.version ? -1 : 1));
  if (total > withVersion) byInstalledVersion.push({ version: null, count: total - withVersion });
  const { online, ...seen } = countAllSeen(
    shards.map((shard) => shard.seen),
    now,
    total,
  );
  return { total, byUpdateState, byInstalledVersion, drifted: sum(1), online, seen };
}

const shownStates: readonly (UpdateState | "none")[] = ["none", ...updateStates];

async function readShardSummary(
  context: StoreContext,
  shard: number,
  productId: string,
): Promise<ShardSummary> {
  const keys = keysOfShard(context, shard);
  const sets = [
    ...[keys.all(productId), keys.drifted(productId)],
    ...shownStates.map((state) => keys.byState(productId, state)),
  ];
  const [sizes, versions, seen] = await Promise.all([
    runScript(context.redis, sizesOf, sets, []) as Promise<number[]>,
    context.redis.hgetall(keys.versions(productId)),
    readSeen(context, shard, productId),
  ]);
  return { sizes, versions, seen };
}

function countAllSeen(shards: readonly Buffer[], now: number, total: number) {
  const times = [now - onlineMs + 1, now - hourMs + 1, now - dayMs + 1, 1];
  const counts = shards.map((seen) => countSeen(seen, times));
  const sum = (at: number) => counts.reduce((all, each) => all + (each[at] ?? 0), 0);
  const [online, lastHour, day, ever] = [sum(0), sum(1), sum(2), sum(3)];
  return { online, lastHour, lastDay: day - lastHour, earlier: ever - day, never: total - ever };
}
