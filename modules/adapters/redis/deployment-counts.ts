import { type UpdateState, updateStates } from "../../otau/vocabulary.ts";
import type { Totals } from "../../usecases/ports.ts";
import { stateCodes } from "./codes.ts";
import { crc16 } from "./crc16.ts";
import { inlineScript, runScript } from "./scripts.ts";
import { keysOfShard, refOfMember, type StoreContext } from "./store-context.ts";

/** Members of a deployment by state: each shard counts its own, and counts move with the state they count. */
export async function readTotals(context: StoreContext, deploymentId: string): Promise<Totals> {
  const counters = await Promise.all(
    context.keys.map((keys) => context.redis.hgetall(keys.deployment(deploymentId))),
  );
  const totals: Record<UpdateState | "total", number> = { ...noTotals };
  for (const counts of counters) {
    for (const state of updateStates) {
      const count = Number(counts[stateCodes.codeOf(state)] ?? 0);
      totals[state] += count;
      totals.total += count;
    }
  }
  return totals;
}

const noTotals = {
  total: 0,
  ...(Object.fromEntries(updateStates.map((state) => [state, 0])) as Record<UpdateState, number>),
};

/** Slots of `maxConcurrent` that the deployment's updates hold. */
export async function readSlotsHeld(context: StoreContext, deploymentId: string): Promise<number> {
  const held = await Promise.all(
    context.keys.map((keys) => context.redis.hget(keys.deployment(deploymentId), "slots")),
  );
  return held.reduce((sum, count) => sum + Number(count ?? 0), 0);
}

const raiseFence = inlineScript(
  "raise a fence",
  `local known = redis.call('HGET', KEYS[1], 'g')
if not known or tonumber(known) < tonumber(ARGV[1]) then redis.call('HSET', KEYS[1], 'g', ARGV[1]) end
return 1`,
);

const markDirty = inlineScript(
  "mark a deployment",
  `local time = redis.call('TIME')
redis.call('ZADD', KEYS[1], time[1] .. string.format('%06d', tonumber(time[2])), ARGV[1])
return 1`,
);

/** From the return on no shard takes a decision that rests on an older generation. */
export async function fenceDeployment(
  context: StoreContext,
  deploymentId: string,
  productId: string,
  generation: number,
): Promise<void> {
  await Promise.all(
    context.keys.map((keys) =>
      runScript(context.redis, raiseFence, [keys.deployment(deploymentId)], [generation]),
    ),
  );
  await markDeployment(context, deploymentId, productId);
}

/** Marks a deployment as one to look after. */
export async function markDeployment(
  context: StoreContext,
  deploymentId: string,
  productId: string,
): Promise<void> {
  const keys = keysOfShard(context, crc16(deploymentId) % context.meta.shardCount);
  await runScript(context.redis, markDirty, [keys.dirty], [`${productId}/${deploymentId}`]);
}

/** Deployments of the shard that changed since they were settled, longest ago first. */
export async function readDirty(
  context: StoreContext,
  shard: number,
  limit: number,
): Promise<{ deploymentId: string; productId: string; mark: string }[]> {
  const found = await context.redis.zrange(
    keysOfShard(context, shard).dirty,
    "0",
    String(Math.max(0, limit - 1)),
    "WITHSCORES",
  );
  const dirty: { deploymentId: string; productId: string; mark: string }[] = [];
  for (let at = 0; at + 1 < found.length; at += 2) {
    const { productId, identity } = refOfMember(found[at] ?? "");
    dirty.push({ productId, deploymentId: identity, mark: found[at + 1] ?? "" });
  }
  return dirty;
}

const settleMark = inlineScript(
  "settle a deployment",
  `local mark = redis.call('ZSCORE', KEYS[1], ARGV[1])
if mark and tonumber(mark) == tonumber(ARGV[2]) then return redis.call('ZREM', KEYS[1], ARGV[1]) end
return 0`,
);

/** Forgets the mark, unless a newer one stands there. */
export async function settleDeployment(
  context: StoreContext,
  shard: number,
  productId: string,
  deploymentId: string,
  mark: string,
): Promise<void> {
  const keys = keysOfShard(context, shard);
  await runScript(context.redis, settleMark, [keys.dirty], [`${productId}/${deploymentId}`, mark]);
}
