import type { DeviceRef } from "../../usecases/ports.ts";
import { clockPrelude, inlineScript, runScript } from "./scripts.ts";
import { dueMember, keysOfShard, type StoreContext, shardNumberOf } from "./store-context.ts";

const noteSeen = inlineScript(
  "note that a device was heard of",
  `${clockPrelude}
local device = redis.call('HMGET', KEYS[1], 'o', 'X')
if not device[1] or device[2] then return 0 end
-- In two parts: the trial store's struct knows 32 bits.
local seen = struct.pack('>I2I4', math.floor(now / 4294967296), now % 4294967296)
redis.call('SETRANGE', KEYS[2], tonumber(device[1]) * 6, seen)
return 1`,
);

/** A device is online for 60 s after it was heard of; a third of that is fine enough. */
const coalesceMs = 20_000;
const rememberedMax = 200_000;

/** Notes that devices were heard of, each at most once in 20 s from this process. */
export function makeTouch(context: StoreContext) {
  const lastAt = new Map<string, number>();
  return async function touch(ref: DeviceRef): Promise<void> {
    const member = dueMember(ref);
    const now = context.clock.roughNow();
    const last = lastAt.get(member);
    if (last !== undefined && now - last < coalesceMs && now >= last) return;
    if (lastAt.size >= rememberedMax) lastAt.clear();
    lastAt.set(member, now);
    const keys = keysOfShard(context, shardNumberOf(context, ref.productId, ref.identity));
    const places = [keys.device(ref.productId, ref.identity), keys.seen(ref.productId)];
    try {
      await runScript(context.redis, noteSeen, places, [context.clock.offsetMs()]);
    } catch (error) {
      lastAt.delete(member);
      throw error;
    }
  };
}
