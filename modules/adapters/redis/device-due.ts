import type { DeviceRef } from "../../usecases/ports.ts";
import { clockPrelude, inlineScript, runScript } from "./scripts.ts";
import { keysOfShard, refOfMember, type StoreContext } from "./store-context.ts";

const readDue = inlineScript(
  "read what is due",
  `${clockPrelude}
local text = string.format('%.0f', now)
return { text, redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', text, 'WITHSCORES', 'LIMIT', 0, ARGV[2]) }`,
);

/** Devices of a shard with something due by the store's clock, earliest first. It takes nothing away. */
export async function readDueDevices(
  context: StoreContext,
  shard: number,
  limit: number,
): Promise<{ refs: DeviceRef[]; oldestDueAt?: number; now: number }> {
  const keys = [keysOfShard(context, shard).due];
  const reply = await runScript(context.redis, readDue, keys, [context.clock.offsetMs(), limit]);
  const [now, found] = reply as [string, string[]];
  const refs = found.filter((_, at) => at % 2 === 0).map(refOfMember);
  const oldest = found[1];
  return { refs, ...(oldest === undefined ? {} : { oldestDueAt: Number(oldest) }), now: Number(now) };
}
