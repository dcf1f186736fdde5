import type { Device, Update } from "../../otau/model.ts";
import type { UpdateState } from "../../otau/vocabulary.ts";
import type { DeviceChange } from "../../usecases/ports.ts";
import { stateCodes } from "./codes.ts";
import type { CommitItem } from "./commit-batch.ts";
import { countOutcome } from "./deployment-rollout.ts";
import type { DeviceFields } from "./device-codec.ts";
import { dayMs, encodeWhole } from "./device-encode.ts";
import type { StoredDevice } from "./device-load.ts";
import { diffFields } from "./fields.ts";
import { chunkSize, type ShardKeys } from "./keys.ts";
import type { KnownChange } from "./known-change.ts";
import { encodeFold, encodeLine } from "./line-codec.ts";
import { shownIndex } from "./placement.ts";
import { dueMember, type HistoryLimits, keysOfShard, type StoreContext } from "./store-context.ts";

/** Everything an operation of a change is about. */
type Scope = {
  readonly item: CommitItem;
  readonly keys: ShardKeys;
  readonly stored: StoredDevice;
  readonly before: Device;
  readonly after: Device;
};

/**
 * Adds the operations that turn what is stored into `after`, and all that goes with it: counters, indexes, due time,
 * history, log. Answers what is stored then.
 */
export function addChange(
  context: StoreContext,
  item: CommitItem,
  { change, stored }: KnownChange,
  after: Device,
  commitId: string,
): StoredDevice {
  const scope: Scope = {
    item,
    keys: keysOfShard(context, stored.shard),
    stored,
    before: change.before,
    after,
  };
  const { fields, records, forgotten } = encodeWhole(stored, change, after, commitId);
  writeFields(scope, fields);
  writeRecords(scope, records, forgotten);
  moveUpdates(scope);
  moveIndexes(scope, fields);
  writeDue(scope, change);
  writeHistory(scope, change, fields, context.historyLimits(after.productId));
  writeLog(scope, change);
  if (change.seenAt !== undefined) {
    item.setSeen(scope.keys.seen(after.productId), stored.ordinal, change.seenAt);
  }
  if (change.notify) item.publish(scope.keys.hints, dueMember(after), context.meta.hasShardedChannels);
  return { ...stored, fields, records, seenAt: Math.max(stored.seenAt, change.seenAt ?? 0) };
}

function writeFields({ item, keys, stored, after }: Scope, fields: DeviceFields): void {
  const changes = diffFields(stored.fields, fields);
  const device = keys.device(after.productId, after.identity);
  item.setFields(device, changes.setSmall);
  item.deleteFields(device, changes.deleteSmall);
  if (changes.setLarge.length === 0 && changes.deleteLarge.length === 0) return;
  const overflow = keys.overflow(after.productId, after.identity);
  item.setFields(overflow, changes.setLarge);
  item.deleteFields(overflow, changes.deleteLarge);
}

function writeRecords(
  { item, keys, stored }: Scope,
  records: ReadonlyMap<string, string>,
  forgotten: readonly string[],
): void {
  const chunk = Math.floor(stored.ordinal / chunkSize);
  const field = String(stored.ordinal);
  for (const [id, record] of records) {
    if (stored.records.get(id) !== record) item.setFields(keys.records(id, chunk), [field, record]);
  }
  for (const id of stored.records.keys()) {
    // What was read and could not be shown was not decided on either.
    if (!records.has(id) && stored.deployments.has(id)) item.deleteFields(keys.records(id, chunk), [field]);
  }
  for (const id of forgotten)
    if (!stored.records.has(id)) item.deleteFields(keys.records(id, chunk), [field]);
}

/** Counters and sets of every deployment whose update changed: the totals move with the state. */
function moveUpdates(scope: Scope): void {
  for (const update of scope.after.updates) {
    const old = findUpdate(scope.before, update.deploymentId);
    if (old !== update) moveUpdate(scope, old, update);
  }
}

function moveUpdate({ item, keys, stored, after }: Scope, old: Update | undefined, update: Update): void {
  const { ordinal } = stored;
  const id = update.deploymentId;
  const counters = keys.deployment(id);
  const moved = old?.state !== update.state;
  const readied = (old?.ready ?? false) !== (update.ready ?? false);
  if (old === undefined) item.addOrdinal(keys.members(id), ordinal);
  if (moved) {
    item.moveMember({
      deploymentKey: counters,
      ordinal,
      from: old && placeIn(keys, id, old.state),
      to: placeIn(keys, id, update.state),
    });
  }
  if (readied) {
    if (update.ready === true) item.addOrdinal(keys.ready(id), ordinal);
    else item.removeOrdinal(keys.ready(id), ordinal);
  }
  countOutcome(item, counters, stored.deployments.get(id), old, update);
  item.countOf(counters, "slots", Number(update.slot ?? false) - Number(old?.slot ?? false));
  if (moved || readied) item.mark(keys.dirty, `${after.productId}/${id}`);
}

/** Counter and set of the members in a state. */
export function placeIn(keys: ShardKeys, deploymentId: string, state: UpdateState) {
  return { code: stateCodes.codeOf(state), set: keys.membersIn(deploymentId, state) };
}

function moveIndexes({ item, keys, stored, before, after }: Scope, fields: DeviceFields): void {
  const { ordinal } = stored;
  const { productId } = after;
  const oldState = shownIndex(stored.fields.get("k"));
  const newState = shownIndex(fields.get("k"));
  if (oldState !== newState) {
    item.setBit(keys.byState(productId, oldState), ordinal, false);
    item.setBit(keys.byState(productId, newState), ordinal, true);
  }
  moveVersion(item, keys, productId, ordinal, before.installedVersion, after.installedVersion);
  if (before.drifted !== after.drifted) item.setBit(keys.drifted(productId), ordinal, after.drifted);
  if (before.tags !== after.tags) moveTags(item, keys, productId, ordinal, before.tags, after.tags);
}

/** Moves the device from one installed version to another; `undefined` = has none. */
export function moveVersion(
  item: CommitItem,
  keys: ShardKeys,
  productId: string,
  ordinal: number,
  from: string | undefined,
  to: string | undefined,
): void {
  if (from === to) return;
  if (from !== undefined) {
    item.removeOrdinal(keys.byVersion(productId, from), ordinal);
    item.count(keys.versions(productId), from.toWellFormed(), -1);
  }
  if (to !== undefined) {
    item.addOrdinal(keys.byVersion(productId, to), ordinal);
    item.count(keys.versions(productId), to.toWellFormed(), 1);
  }
}

type Tags = Readonly<Record<string, string>>;

/** Moves the device between the sets of its tags. */
export function moveTags(
  item: CommitItem,
  keys: ShardKeys,
  productId: string,
  ordinal: number,
  from: Tags,
  to: Tags,
): void {
  for (const [name, value] of Object.entries(from)) {
    if (!Object.hasOwn(to, name) || to[name] !== value) {
      item.removeOrdinal(keys.byTag(productId, name, value), ordinal);
    }
  }
  for (const [name, value] of Object.entries(to)) {
    if (!Object.hasOwn(from, name) || from[name] !== value) {
      item.addOrdinal(keys.byTag(productId, name, value), ordinal);
    }
  }
}

function writeDue({ item, keys, after }: Scope, { dueAt }: DeviceChange): void {
  if (dueAt === undefined) item.removeMember(keys.due, dueMember(after));
  else item.setScore(keys.due, dueAt, dueMember(after));
}

function writeHistory(
  { item, keys, stored, after }: Scope,
  { lines, folds }: DeviceChange,
  fields: DeviceFields,
  limits: HistoryLimits,
): void {
  const history = keys.history(after.productId, after.identity);
  item.appendLines(history, lines.map(encodeLine), limits.linesMax);
  // The list's life is renewed once a day, not with each line; a day more makes up for it.
  if (fields.get("E") !== stored.fields.get("E")) item.expire(history, limits.ageMaxMs + dayMs);
  // The last line has the highest seq, so a line's place from the end follows from its own.
  for (const fold of folds) {
    const [lastAt, message] = encodeFold(fold);
    item.fold(history, fold.seq - after.historySeq - 1, lastAt, message);
  }
}

function writeLog({ item, keys, after }: Scope, { events }: DeviceChange): void {
  if (events.length > 0) appendLog(item, keys, after, events);
}

/** What the relay hands on: one entry of the shard's log per device, and the product named as one with lines. */
export function appendLog(
  item: CommitItem,
  keys: ShardKeys,
  { productId, identity, uid }: Pick<Device, "productId" | "identity" | "uid">,
  events: DeviceChange["events"],
): void {
  item.appendEntry(keys.log(productId), [
    "productId",
    productId,
    "identity",
    identity,
    "uid",
    uid,
    "events",
    JSON.stringify(events),
  ]);
  item.addMember(keys.logs, productId);
}

function findUpdate(device: Device, deploymentId: string): Update | undefined {
  return device.updates.find((update) => update.deploymentId === deploymentId);
}
