import type { Device, JournalEvent, Ms } from "../../otau/model.ts";
import type { Actor } from "../../otau/vocabulary.ts";
import type { CommitResult, NewDevice } from "../../usecases/ports.ts";
import { batchItemsMax, type CommitItem, newCommitId, startBatch } from "./commit-batch.ts";
import { encodeDevice } from "./device-codec.ts";
import { appendLog, moveTags, moveVersion } from "./device-diff.ts";
import { diffFields, overflowField, overflows } from "./fields.ts";
import { chunkSize, type ShardKeys } from "./keys.ts";
import { clockPrelude, inlineScript, runScript } from "./scripts.ts";
import {
  eachWithLanes,
  groupByShard,
  keysOfShard,
  lanesMax,
  type ShardGroup,
  type StoreContext,
} from "./store-context.ts";
import { uidOf } from "./uid.ts";

const peekDevices = inlineScript(
  "peek at devices",
  `${clockPrelude}
local reply = { string.format('%.0f', now) }
for i = 1, #KEYS do
  local found = redis.call('HMGET', KEYS[i], 'r', 'X', 'e')
  if not found[1] then
    reply[i + 1] = ''
  elseif found[2] then
    reply[i + 1] = 'x' .. found[1] .. ',' .. (found[3] or '0')
  else
    reply[i + 1] = found[1]
  end
end
return reply`,
);

/** What stands under an identity: nothing, a device, or the tombstone of one. */
type Peeked =
  | { readonly kind: "absent" }
  | { readonly kind: "present" }
  | { readonly kind: "deleted"; readonly revision: number; readonly eventSeq: number };

/** Which of the identities name no device. */
export async function unknownIdentities(
  context: StoreContext,
  productId: string,
  identities: readonly string[],
): Promise<string[]> {
  const missing = new Array<boolean>(identities.length).fill(false);
  const groups = groupByShard(context, identities, (identity) => ({ productId, identity }), batchItemsMax);
  await eachWithLanes(groups, lanesMax, async (group) => {
    const { found } = await peek(context, productId, group, (identity) => identity);
    for (const [index, { at }] of group.entries.entries()) missing[at] = found[index]?.kind !== "present";
  });
  return identities.filter((_, at) => missing[at]);
}

/** Creates what does not exist. An identity that is named twice is created once, as it was named first. */
export async function createDevices(
  context: StoreContext,
  productId: string,
  devices: readonly NewDevice[],
  actor: Actor,
): Promise<{ created: string[]; existing: string[] }> {
  const named = new Map<string, NewDevice>();
  for (const device of devices) if (!named.has(device.identity)) named.set(device.identity, device);
  const wanted = [...named.values()];
  const results = new Array<"created" | "existing">(wanted.length).fill("existing");
  const groups = groupByShard(context, wanted, ({ identity }) => ({ productId, identity }), batchItemsMax);
  await eachWithLanes(groups, lanesMax, (group) => createGroup(context, productId, group, actor, results));
  const identitiesOf = (result: "created" | "existing") =>
    wanted.filter((_, at) => results[at] === result).map(({ identity }) => identity);
  return { created: identitiesOf("created"), existing: identitiesOf("existing") };
}

const racesMax = 8;

async function createGroup(
  context: StoreContext,
  productId: string,
  group: ShardGroup<NewDevice>,
  actor: Actor,
  results: ("created" | "existing")[],
): Promise<void> {
  let entries = group.entries;
  // A second round only where an identity was deleted or expired while this was on its way.
  for (let race = 0; race < racesMax && entries.length > 0; race++) {
    const { now, found } = await peek(context, productId, { ...group, entries }, ({ identity }) => identity);
    const missing = entries.flatMap((entry, index) => {
      const peeked = found[index];
      return peeked === undefined || peeked.kind === "present" ? [] : [{ ...entry, peeked }];
    });
    if (missing.length === 0) return;
    const answers = await storeNew(context, productId, group.shard, missing, now, actor);
    for (const [index, { at }] of missing.entries()) if (answers[index] === "done") results[at] = "created";
    entries = missing.filter((_, index) => answers[index] === "gone");
  }
}

type Missing = { readonly item: NewDevice; readonly peeked: Exclude<Peeked, { kind: "present" }> };

async function storeNew(
  context: StoreContext,
  productId: string,
  shard: number,
  missing: readonly Missing[],
  now: Ms,
  actor: Actor,
): Promise<CommitResult[]> {
  const keys = keysOfShard(context, shard);
  const last = await context.redis.hincrby(keys.counters(productId), "ordinals", missing.length);
  const batch = startBatch();
  for (const [index, { item, peeked }] of missing.entries()) {
    const { identity } = item;
    const commitId = newCommitId();
    const target = batch.begin({
      deviceKey: keys.device(productId, identity),
      expected: peeked.kind === "deleted" ? `x${peeked.revision}` : "",
      commitId,
      fences: [],
    });
    // The counter is raised before its numbers are used, so the last one belongs to the last device.
    const ordinal = last - missing.length + index;
    const device = newDevice(productId, item, uidOf(shard, ordinal), peeked, now);
    addNew(target, keys, device, ordinal, commitId, now, actor);
  }
  return await batch.send(context.redis);
}

function newDevice(
  productId: string,
  { identity, tags, installedVersion }: NewDevice,
  uid: string,
  peeked: Missing["peeked"],
  now: Ms,
): Device {
  const earlier = peeked.kind === "deleted" ? peeked : { revision: 0, eventSeq: 0 };
  return {
    productId,
    identity,
    uid,
    revision: earlier.revision + 1,
    createdAt: now,
    tags: tags ?? {},
    ...(installedVersion === undefined ? {} : { installedVersion }),
    drifted: false,
    updates: [],
    pastLoaded: true,
    historySeq: 0,
    eventSeq: earlier.eventSeq + 1,
  };
}

function addNew(
  item: CommitItem,
  keys: ShardKeys,
  device: Device,
  ordinal: number,
  commitId: string,
  now: Ms,
  actor: Actor,
): void {
  const { productId, identity } = device;
  // The ordinal comes first: reads find it there without a search.
  const fields = new Map([["o", String(ordinal)], ...encodeDevice(device, undefined, undefined)]);
  fields.set("c", commitId);
  for (const [name, value] of fields) if (overflows(name, value)) fields.set(overflowField, "1");
  const { setSmall, setLarge } = diffFields(new Map(), fields);
  if (device.revision > 1) {
    item.deleteKey(keys.device(productId, identity));
    item.deleteKey(keys.history(productId, identity));
  }
  item.setFields(keys.device(productId, identity), setSmall);
  item.setFields(keys.overflow(productId, identity), setLarge);
  item.setFields(keys.names(productId, Math.floor(ordinal / chunkSize)), [String(ordinal), identity]);
  item.setScore(keys.ids(productId), 0, `${identity}\0${ordinal.toString(36)}`);
  item.setBit(keys.all(productId), ordinal, true);
  item.setBit(keys.byState(productId, "none"), ordinal, true);
  moveVersion(item, keys, productId, ordinal, undefined, device.installedVersion);
  moveTags(item, keys, productId, ordinal, {}, device.tags);
  item.addMember(keys.products, productId);
  const event: JournalEvent = {
    at: now,
    type: "device.changed",
    seq: device.eventSeq,
    actor,
    revision: device.revision,
  };
  appendLog(item, keys, device, [event]);
}

async function peek<Item>(
  context: StoreContext,
  productId: string,
  { shard, entries }: ShardGroup<Item>,
  identityOf: (item: Item) => string,
): Promise<{ now: Ms; found: Peeked[] }> {
  const keys = keysOfShard(context, shard);
  const names = entries.map(({ item }) => keys.device(productId, identityOf(item)));
  const [now, ...texts] = (await runScript(context.redis, peekDevices, names, [
    context.clock.offsetMs(),
  ])) as string[];
  return { now: Number(now), found: texts.map(readPeeked) };
}

function readPeeked(text: string): Peeked {
  if (text === "") return { kind: "absent" };
  if (!text.startsWith("x")) return { kind: "present" };
  const [revision, eventSeq] = text.slice(1).split(",");
  return { kind: "deleted", revision: Number(revision), eventSeq: Number(eventSeq) };
}
