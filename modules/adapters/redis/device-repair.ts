import { dueAt } from "../../otau/due.ts";
import type { DeviceRef } from "../../usecases/ports.ts";
import { newCommitId, startBatch } from "./commit-batch.ts";
import { readMembersOf } from "./deployment-members.ts";
import { loadDevices, type StoredDevices } from "./device-load.ts";
import { dueMember, keysOfShard, type StoreContext } from "./store-context.ts";

/** The walk's place: a product by its position among the shard's, and an ordinal below this. */
const ordinalsMax = 2 ** 36;

const noLimits = { outageGraceMs: 0, clockSkewMs: 0, reportsPerSecond: 0 };

/** Looks at some devices of a shard and puts back what of them is missing among what is due. */
export async function repairDue(
  context: StoreContext,
  stored: StoredDevices,
  shard: number,
  from: number,
  limit: number,
): Promise<{ repaired: number; next?: number }> {
  const keys = keysOfShard(context, shard);
  const products = (await context.redis.smembers(keys.products)).sort();
  const position = Math.floor(from / ordinalsMax);
  const productId = products[position];
  if (productId === undefined) return { repaired: 0 };
  const page = await readMembersOf(context, [keys.all(productId)], {
    productId,
    shard,
    from: from % ordinalsMax,
    limit,
  });
  const repaired = await repairPage(context, stored, shard, page.refs);
  if (page.next !== undefined) return { repaired, next: position * ordinalsMax + page.next };
  return position + 1 < products.length ? { repaired, next: (position + 1) * ordinalsMax } : { repaired };
}

async function repairPage(
  context: StoreContext,
  stored: StoredDevices,
  shard: number,
  refs: readonly DeviceRef[],
): Promise<number> {
  const keys = keysOfShard(context, shard);
  const loaded = await loadDevices(context, stored, refs);
  const batch = startBatch();
  for (const entry of loaded) {
    if (entry === undefined) continue;
    const due = dueAt(entry.device, entry.deployments, noLimits);
    if (due === undefined) continue;
    const member = dueMember(entry.device);
    if ((await context.redis.zscore(keys.due, member)) !== null) continue;
    // A device that changed meanwhile has put its own time there: then the revision does not fit, and this is dropped.
    const item = batch.begin({
      deviceKey: keys.device(entry.device.productId, entry.device.identity),
      expected: String(entry.device.revision),
      commitId: newCommitId(),
      fences: [],
    });
    item.setScore(keys.due, due, member);
  }
  const answers = await batch.send(context.redis);
  return answers.filter((answer) => answer === "done").length;
}
