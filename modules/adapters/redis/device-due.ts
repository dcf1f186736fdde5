import type { Device, Ms } from "../../otau/model.ts";
import type { DeviceRef } from "../../usecases/ports.ts";
import { batchItemsMax, newCommitId, startBatch } from "./commit-batch.ts";
import { clockPrelude, inlineScript, runScript } from "./scripts.ts";
import { dueMember, groupByShard, keysOfShard, refOfMember, type StoreContext } from "./store-context.ts";

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

/** Writes anew when devices are due. One that changed since it was read has written its own time, and keeps it. */
export async function setDueTimes(
  context: StoreContext,
  entries: readonly { readonly device: Device; readonly dueAt: Ms | undefined }[],
): Promise<void> {
  for (const { shard, entries: group } of groupByShard(
    context,
    entries,
    ({ device }) => device,
    batchItemsMax,
  )) {
    const keys = keysOfShard(context, shard);
    const batch = startBatch();
    for (const { item } of group) {
      const { productId, identity, revision } = item.device;
      const change = batch.begin({
        deviceKey: keys.device(productId, identity),
        expected: String(revision),
        commitId: newCommitId(),
        fences: [],
      });
      if (item.dueAt === undefined) change.removeMember(keys.due, dueMember(item.device));
      else change.setScore(keys.due, item.dueAt, dueMember(item.device));
    }
    await batch.send(context.redis);
  }
}
