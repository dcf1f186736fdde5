import type { Device, Ms, Update } from "../../otau/model.ts";
import type { DeploymentRecord, DeviceExtras, DeviceRef, LoadedDevice } from "../../usecases/ports.ts";
import { decodeDevice, decodeExtras, readUpdate, splitList } from "./device-codec.ts";
import { joinFields, overflowField } from "./fields.ts";
import { chunkSize } from "./keys.ts";
import { decodeWaiting, recordMark, waitingId } from "./placement.ts";
import { clockPrelude, inlineScript, loadScript, runScript } from "./scripts.ts";
import {
  eachWithLanes,
  groupByShard,
  keysOfShard,
  lanesMax,
  type ShardGroup,
  type StoreContext,
} from "./store-context.ts";
import { uidOf } from "./uid.ts";
import { decodeRecord } from "./update-codec.ts";

const loadScriptFile = loadScript(import.meta.url, "load.lua");
const readDevices = inlineScript("load.lua", clockPrelude + loadScriptFile.lua);

const loadBatchMax = 100;

/** A device as its hashes hold it, before deployments are known. */
export type RawDevice = {
  readonly ref: DeviceRef;
  readonly shard: number;
  readonly ordinal: number;
  readonly fields: ReadonlyMap<string, string>;
  readonly seenAt: Ms;
  readonly now: Ms;
};

/** What a commit needs to know of the device that was read: the difference is taken against it. */
export type StoredDevice = RawDevice & {
  /** Entries of `w` whose deployment is not accepted (yet): a commit keeps them. */
  readonly hidden: readonly string[];
  /** Records that were read, by deployment. */
  readonly records: ReadonlyMap<string, string>;
  /** Deployments of the device's updates, by id. */
  readonly deployments: ReadonlyMap<string, DeploymentRecord>;
  /** Updates in the device whose deployment is not accepted (yet). */
  readonly unknown: readonly Update[];
  readonly extras: DeviceExtras;
};

/** Remembers for each device that was handed out how it is stored. */
export type StoredDevices = WeakMap<Device, StoredDevice>;

/** Reads devices with their deployments; one entry per ref, in order. */
export async function loadDevices(
  context: StoreContext,
  stored: StoredDevices,
  refs: readonly DeviceRef[],
  options: { readonly past?: boolean } = {},
): Promise<(LoadedDevice | undefined)[]> {
  const raws = await readRawDevices(context, refs);
  return await completeDevices(context, stored, raws, options.past === true);
}

/** Reads the hashes of devices; a deleted device is there, with its field `X`. */
export async function readRawDevices(
  context: StoreContext,
  refs: readonly DeviceRef[],
): Promise<(RawDevice | undefined)[]> {
  const found = new Array<RawDevice | undefined>(refs.length).fill(undefined);
  const groups = groupByShard(context, refs, (ref) => ref, loadBatchMax);
  await eachWithLanes(groups, lanesMax, (group) => readGroup(context, group, found));
  return found;
}

async function readGroup(
  context: StoreContext,
  { shard, entries }: ShardGroup<DeviceRef>,
  found: (RawDevice | undefined)[],
): Promise<void> {
  const shardKeys = keysOfShard(context, shard);
  const keys = entries.map(({ item }) => shardKeys.device(item.productId, item.identity));
  const seenAt = new Map<string, number>();
  const args: number[] = [context.clock.offsetMs()];
  for (const { item } of entries) {
    let position = seenAt.get(item.productId);
    if (position === undefined) {
      position = keys.push(shardKeys.seen(item.productId));
      seenAt.set(item.productId, position);
    }
    args.push(position);
  }
  const reply = (await runScript(context.redis, readDevices, keys, args)) as string;
  const [now, ...replies] = JSON.parse(reply) as [string, ...DeviceReply[]];
  await Promise.all(
    entries.map(async ({ item, at }, index) => {
      const reply = replies[index];
      if (reply === undefined || reply === 0) return;
      found[at] = await readRaw(context, item, shard, reply, Number(now));
    }),
  );
}

type DeviceReply = 0 | readonly [seen: string, fields: readonly string[]];

async function readRaw(
  context: StoreContext,
  ref: DeviceRef,
  shard: number,
  [seen, small]: Exclude<DeviceReply, 0>,
  now: Ms,
): Promise<RawDevice | undefined> {
  let fields = joinFields(small);
  if (fields.has(overflowField)) {
    const whole = await readWithOverflow(context, ref, shard);
    if (whole === undefined) return undefined;
    fields = whole;
  }
  return { ref, shard, ordinal: Number(fields.get("o")), fields, seenAt: Number(seen), now };
}

const readBoth = inlineScript(
  "read both hashes",
  "return { redis.call('HGETALL', KEYS[1]), redis.call('HGETALL', KEYS[2]) }",
);

/** Both hashes in one moment: read apart they could be of two revisions. */
export async function readWithOverflow(
  context: StoreContext,
  { productId, identity }: DeviceRef,
  shard: number,
): Promise<Map<string, string> | undefined> {
  const shardKeys = keysOfShard(context, shard);
  const keys = [shardKeys.device(productId, identity), shardKeys.overflow(productId, identity)];
  const [small, large] = (await runScript(context.redis, readBoth, keys, [])) as [string[], string[]];
  return small.length === 0 ? undefined : joinFields(small, large);
}

/** Deletes nothing, decides nothing: raw devices become loaded ones, deleted ones nothing. */
export async function completeDevices(
  context: StoreContext,
  stored: StoredDevices,
  raws: readonly (RawDevice | undefined)[],
  past: boolean,
): Promise<(LoadedDevice | undefined)[]> {
  const wanted = new Map<string, Set<string>>();
  for (const raw of raws) {
    if (raw === undefined || raw.fields.has("X")) continue;
    const { productId } = raw.ref;
    const ids = wanted.get(productId) ?? new Set<string>();
    wanted.set(productId, ids);
    for (const id of deploymentIdsOf(raw, past)) ids.add(id);
  }
  const deployments = new Map<string, ReadonlyMap<string, DeploymentRecord>>();
  for (const [productId, ids] of wanted) {
    deployments.set(
      productId,
      ids.size === 0 ? noDeployments : await context.findDeployments(productId, [...ids]),
    );
  }
  return await Promise.all(
    raws.map(async (raw) => {
      if (raw === undefined || raw.fields.has("X")) return undefined;
      const known = deployments.get(raw.ref.productId) ?? noDeployments;
      return await completeDevice(context, stored, raw, known, past);
    }),
  );
}

const noDeployments: ReadonlyMap<string, DeploymentRecord> = new Map();
const noRecords: ReadonlyMap<string, string> = new Map();

function deploymentIdsOf({ fields }: RawDevice, past: boolean): string[] {
  const ids = splitList(fields.get("w")).map(waitingId);
  for (const slot of ["l0", "n0"]) {
    const head = fields.get(slot);
    if (head !== undefined) ids.push(head.slice(0, head.indexOf(",")));
  }
  // After a cancel the value of an older success may stand in `config_otau`: its text is the deployment's.
  const set = fields.get("g");
  if (set?.startsWith("D")) ids.push(set.slice(set.indexOf(",") + 1));
  return past ? [...ids, ...splitList(fields.get("f"))] : ids;
}

async function completeDevice(
  context: StoreContext,
  stored: StoredDevices,
  raw: RawDevice,
  known: ReadonlyMap<string, DeploymentRecord>,
  past: boolean,
): Promise<LoadedDevice> {
  const { fields } = raw;
  const waiting = splitList(fields.get("w"));
  const recorded = waiting.filter((entry) => entry.startsWith(recordMark)).map(waitingId);
  if (past) recorded.push(...splitList(fields.get("f")));
  const records = recorded.length === 0 ? noRecords : await readRecords(context, raw, recorded);
  const live = readUpdate(fields, "l");
  const newest = readUpdate(fields, "n");
  const updates: Update[] = [];
  const hidden: string[] = [];
  const deployments = new Map<string, DeploymentRecord>();
  const unknown: Update[] = [];
  const add = (id: string, makeUpdate: (deployment: DeploymentRecord) => Update): boolean => {
    const deployment = known.get(id);
    if (deployment === undefined) return false;
    deployments.set(id, deployment);
    updates.push(makeUpdate(deployment));
    return true;
  };
  for (const [id, record] of records) add(id, () => decodeRecord(id, record));
  for (const entry of waiting) {
    if (entry.startsWith(recordMark)) continue;
    if (!add(waitingId(entry), (deployment) => decodeWaiting(entry, deployment))) hidden.push(entry);
  }
  for (const update of [live, newest]) {
    if (update !== undefined && !add(update.deploymentId, () => update)) unknown.push(update);
  }
  const seqOf = ({ deploymentId }: Update) => deployments.get(deploymentId)?.seq ?? 0;
  updates.sort((a, b) => seqOf(a) - seqOf(b));
  const place = { ...raw.ref, uid: uidOf(raw.shard, raw.ordinal), updates, pastLoaded: past };
  const device = decodeDevice(fields, place, live, newest);
  const setBy = device.configSet && "deploymentId" in device.configSet && device.configSet.deploymentId;
  const setDeployment = setBy ? known.get(setBy) : undefined;
  if (setDeployment !== undefined) deployments.set(setDeployment.id, setDeployment);
  const extras = decodeExtras(fields, raw.seenAt);
  stored.set(device, { ...raw, hidden, unknown, records, deployments: new Map(deployments), extras });
  return { now: raw.now, device, extras, deployments };
}

async function readRecords(
  context: StoreContext,
  { shard, ordinal }: RawDevice,
  deploymentIds: readonly string[],
): Promise<Map<string, string>> {
  const shardKeys = keysOfShard(context, shard);
  const chunk = Math.floor(ordinal / chunkSize);
  const found = await Promise.all(
    deploymentIds.map((id) => context.redis.hget(shardKeys.records(id, chunk), String(ordinal))),
  );
  const records = new Map<string, string>();
  for (const [at, id] of deploymentIds.entries()) {
    const record = found[at];
    if (record !== null && record !== undefined) records.set(id, record);
  }
  return records;
}
