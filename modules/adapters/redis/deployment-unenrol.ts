import { newCommitId, startBatch, withCommitId } from "./commit-batch.ts";
import { readMembers } from "./deployment-members.ts";
import { splitList } from "./device-codec.ts";
import { completeDevices, type RawDevice, readRawDevices, type StoredDevices } from "./device-load.ts";
import { diffFields } from "./fields.ts";
import {
  decodeNewestPast,
  encodeShown,
  placeUpdates,
  shownIndex,
  shownOf,
  unaccepted,
  waitingId,
} from "./placement.ts";
import { keysOfShard, type StoreContext } from "./store-context.ts";

const pageMax = 100;
const racesMax = 20;

/** Takes a deployment that was never accepted out of all devices, and away. */
export async function unenrolDeployment(
  context: StoreContext,
  stored: StoredDevices,
  deploymentId: string,
  productId: string,
): Promise<void> {
  for (const [shard, keys] of context.keys.entries()) {
    await unenrolShard(context, stored, shard, deploymentId, productId);
    await context.redis.del(
      keys.deployment(deploymentId),
      keys.members(deploymentId),
      keys.membersIn(deploymentId, "waiting"),
      keys.membersIn(deploymentId, "canceled"),
      keys.ready(deploymentId),
      keys.target(deploymentId),
    );
    await context.redis.zrem(keys.dirty, `${productId}/${deploymentId}`);
  }
}

async function unenrolShard(
  context: StoreContext,
  stored: StoredDevices,
  shard: number,
  deploymentId: string,
  productId: string,
): Promise<void> {
  let from: number | undefined = 0;
  while (from !== undefined) {
    const page = await readMembers(
      context,
      deploymentId,
      { productId, shard, from, limit: pageMax },
      undefined,
    );
    let refs = page.refs;
    for (let race = 0; race < racesMax && refs.length > 0; race++) {
      const raws = await readRawDevices(context, refs);
      const changed = await removeFrom(context, stored, shard, deploymentId, raws);
      refs = refs.filter((_, at) => changed[at] === "stale");
    }
    from = page.next;
  }
}

async function removeFrom(
  context: StoreContext,
  stored: StoredDevices,
  shard: number,
  deploymentId: string,
  raws: readonly (RawDevice | undefined)[],
) {
  const keys = keysOfShard(context, shard);
  const loaded = await completeDevices(context, stored, raws, false);
  const batch = startBatch();
  const places: number[] = [];
  for (const [at, raw] of raws.entries()) {
    const device = loaded[at]?.device;
    const known = device && stored.get(device);
    if (raw === undefined || device === undefined || known === undefined) continue;
    const entries = splitList(raw.fields.get("w"));
    const kept = entries.filter((entry) => waitingId(entry) !== deploymentId);
    if (kept.length === entries.length) continue;
    const commitId = newCommitId();
    const deviceKey = keys.device(raw.ref.productId, raw.ref.identity);
    const item = batch.begin({ deviceKey, expected: raw.fields.get("r") ?? "", commitId, fences: [] });
    const seqOf = (id: string) => known.deployments.get(id)?.seq ?? unaccepted;
    const shown = shownOf(
      placeUpdates(device.updates, seqOf),
      decodeNewestPast(raw.fields.get("p")),
      known.hidden.some((entry) => waitingId(entry) !== deploymentId),
      seqOf,
    );
    const after = new Map(raw.fields);
    after.set("r", String(device.revision + 1));
    after.set("c", withCommitId(raw.fields.get("c"), commitId));
    if (kept.length === 0) after.delete("w");
    else after.set("w", kept.join(","));
    if (shown === undefined) after.delete("k");
    else after.set("k", encodeShown(shown));
    const oldIndex = shownIndex(raw.fields.get("k"));
    const newIndex = shown?.state ?? "none";
    if (newIndex !== oldIndex) {
      item.setBit(keys.byState(raw.ref.productId, oldIndex), raw.ordinal, false);
      item.setBit(keys.byState(raw.ref.productId, newIndex), raw.ordinal, true);
    }
    const { setSmall, deleteSmall, setLarge, deleteLarge } = diffFields(raw.fields, after);
    item.setFields(deviceKey, setSmall);
    item.deleteFields(deviceKey, deleteSmall);
    item.setFields(keys.overflow(raw.ref.productId, raw.ref.identity), setLarge);
    item.deleteFields(keys.overflow(raw.ref.productId, raw.ref.identity), deleteLarge);
    places.push(at);
  }
  const answers = await batch.send(context.redis);
  const results = raws.map((): string => "done");
  for (const [index, at] of places.entries()) results[at] = answers[index] ?? "stale";
  return results;
}
