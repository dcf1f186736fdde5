import type { Device } from "../../otau/model.ts";
import type { CommitResult, DeviceChange, DeviceRef } from "../../usecases/ports.ts";
import { batchItemsMax, newCommitId, startBatch } from "./commit-batch.ts";
import { withStoreErrors } from "./connection.ts";
import { addChange } from "./device-diff.ts";
import { completeDevices, readRawDevices, type StoredDevice, type StoredDevices } from "./device-load.ts";
import { addRemoval } from "./device-removal.ts";
import type { KnownChange } from "./known-change.ts";
import {
  eachWithLanes,
  groupByShard,
  keysOfShard,
  lanesMax,
  type ShardGroup,
  type StoreContext,
} from "./store-context.ts";

/**
 * Stores changes, each whole or not at all; results in order. The difference between `before` and `after` becomes
 * one item of the shard's commit script.
 */
export async function commitDevices(
  context: StoreContext,
  storedDevices: StoredDevices,
  changes: readonly DeviceChange[],
): Promise<CommitResult[]> {
  const results = new Array<CommitResult>(changes.length).fill("stale");
  const known = await findStored(context, storedDevices, changes, results);
  const groups = groupByShard(context, known, ({ change }) => change.before, batchItemsMax);
  const [only] = groups;
  if (groups.length === 1 && only !== undefined) await commitGroup(context, storedDevices, only, results);
  else await eachWithLanes(groups, lanesMax, (group) => commitGroup(context, storedDevices, group, results));
  return results;
}

type PlacedChange = KnownChange & { readonly at: number };

async function commitGroup(
  context: StoreContext,
  storedDevices: StoredDevices,
  { shard, entries }: ShardGroup<PlacedChange>,
  results: CommitResult[],
): Promise<void> {
  const shardKeys = keysOfShard(context, shard);
  const batch = startBatch();
  const next: (StoredDevice | undefined)[] = [];
  for (const { item } of entries) {
    const { before, fences } = item.change;
    const commitId = newCommitId();
    const target = batch.begin({
      deviceKey: shardKeys.device(before.productId, before.identity),
      expected: String(before.revision),
      commitId,
      fences: fences.map(({ deploymentId, generation }) => ({
        key: shardKeys.deployment(deploymentId),
        generation,
      })),
    });
    if (item.change.after === undefined) {
      addRemoval(context, target, item, commitId);
      next.push(undefined);
    } else {
      next.push(addChange(context, target, item, item.change.after, commitId));
    }
  }
  const answers = await withStoreErrors(() => batch.send(context.redis));
  for (const [index, { item }] of entries.entries()) {
    const answer = answers[index] ?? "stale";
    results[item.at] = answer;
    const { after, before } = item.change;
    const stored = next[index];
    // Whoever goes on from here changes `after`, so what is stored of it must be known too.
    if (answer === "done" && after !== undefined && stored !== undefined && after !== before) {
      storedDevices.set(after, stored);
    }
  }
}

/** Each change with what is stored of its device; a device that was not read through this store is read now. */
async function findStored(
  context: StoreContext,
  storedDevices: StoredDevices,
  changes: readonly DeviceChange[],
  results: CommitResult[],
): Promise<PlacedChange[]> {
  const known: PlacedChange[] = [];
  const missing: { readonly change: DeviceChange; readonly at: number }[] = [];
  for (const [at, change] of changes.entries()) {
    const stored = storedDevices.get(change.before);
    if (stored === undefined) missing.push({ change, at });
    else known.push({ change, stored, at });
  }
  if (missing.length > 0) known.push(...(await readStored(context, missing, results)));
  return await withDeployments(context, known);
}

async function readStored(
  context: StoreContext,
  missing: readonly { readonly change: DeviceChange; readonly at: number }[],
  results: CommitResult[],
): Promise<PlacedChange[]> {
  const refs: DeviceRef[] = missing.map(({ change }) => change.before);
  const read: StoredDevices = new WeakMap<Device, StoredDevice>();
  const past = missing.some(({ change }) => change.before.pastLoaded);
  const loaded = await withStoreErrors(async () =>
    completeDevices(context, read, await readRawDevices(context, refs), past),
  );
  const found: PlacedChange[] = [];
  for (const [index, { change, at }] of missing.entries()) {
    const device = loaded[index]?.device;
    const stored = device && read.get(device);
    if (device === undefined || stored === undefined) results[at] = "gone";
    else if (device.revision === change.before.revision) found.push({ change, stored, at });
  }
  return found;
}

/** Deployments that a change brings in were not read with the device; how new they are decides where updates go. */
async function withDeployments(context: StoreContext, changes: PlacedChange[]): Promise<PlacedChange[]> {
  const wanted = new Map<string, Set<string>>();
  for (const { change, stored } of changes) {
    for (const { deploymentId } of change.after?.updates ?? []) {
      if (stored.deployments.has(deploymentId)) continue;
      const ids = wanted.get(change.before.productId) ?? new Set<string>();
      wanted.set(change.before.productId, ids.add(deploymentId));
    }
  }
  for (const [productId, ids] of wanted) {
    const found = await context.findDeployments(productId, [...ids]);
    for (const [at, placed] of changes.entries()) {
      if (placed.change.before.productId !== productId) continue;
      const deployments = new Map([...placed.stored.deployments, ...found]);
      changes[at] = { ...placed, stored: { ...placed.stored, deployments } };
    }
  }
  return changes;
}
