import type { Device, Update } from "../../otau/model.ts";
import type { UpdateState } from "../../otau/vocabulary.ts";
import type { DeviceChange } from "../../usecases/ports.ts";
import { stateCodes } from "./codes.ts";
import { type CommitItem, withCommitId } from "./commit-batch.ts";
import { type DeviceFields, encodeDevice, encodeTokenPrefix, splitList } from "./device-codec.ts";
import type { KnownChange } from "./device-commit.ts";
import type { StoredDevice } from "./device-load.ts";
import { diffFields, overflowField, overflows } from "./fields.ts";
import { chunkSize, type ShardKeys } from "./keys.ts";
import { encodeFold, encodeLine } from "./line-codec.ts";
import {
  decodeNewestPast,
  encodeNewestPast,
  encodeShown,
  encodeWaiting,
  newestPastOf,
  type Placement,
  placeUpdates,
  recordMark,
  type SeqOf,
  shownIndex,
  shownOf,
  unaccepted,
} from "./placement.ts";
import { dueMember, type HistoryLimits, keysOfShard, type StoreContext } from "./store-context.ts";
import { encodeRecord } from "./update-codec.ts";

const dayMs = 86_400_000;

/** Most past updates that a device names; older ones are forgotten. */
const pastMax = 500;

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
  const { fields, records, forgotten } = encodeWhole(scope, change, commitId);
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

type Encoded = {
  readonly fields: DeviceFields;
  /** Updates that are kept apart from the device, by deployment; those that were not read are not among them. */
  readonly records: ReadonlyMap<string, string>;
  /** Deployments whose records are dropped as too old. */
  readonly forgotten: readonly string[];
};

function encodeWhole({ stored, after }: Scope, change: DeviceChange, commitId: string): Encoded {
  const seqOf: SeqOf = (id) => stored.deployments.get(id)?.seq ?? unaccepted;
  const placement = placeUpdates([...after.updates, ...keptUnknown(stored, after)], seqOf);
  const fields = encodeDevice(after, placement.live, placement.newest);
  const set = (name: string, value: string | undefined) => {
    if (value !== undefined && value !== "") fields.set(name, value);
  };
  const records = new Map<string, string>();
  fields.set("o", String(stored.ordinal));
  fields.set("c", withCommitId(stored.fields.get("c"), commitId));
  set("w", encodeWaitingList(stored, placement, records));
  const past = pastIds(stored, placement);
  const forgotten = past.splice(0, Math.max(0, past.length - pastMax));
  set("f", past.join(","));
  for (const update of placement.past) records.set(update.deploymentId, encodeRecord(update));
  for (const id of forgotten) records.delete(id);
  const known = after.pastLoaded ? undefined : decodeNewestPast(stored.fields.get("p"));
  const newest = newestPastOf(placement.past, known, seqOf);
  set("p", newest && encodeNewestPast(newest));
  const shown = shownOf(placement, newest, stored.hidden.length > 0, seqOf);
  set("k", shown && encodeShown(shown));
  set("t", tokenField(stored, change.tokenPrefix));
  set("a", change.activatedAt === undefined ? stored.fields.get("a") : change.activatedAt?.toString());
  set("E", change.lines.length === 0 ? stored.fields.get("E") : String(Math.floor(stored.now / dayMs)));
  keepResources(stored, fields);
  markOverflow(fields);
  return { fields, records, forgotten };
}

function tokenField(stored: StoredDevice, prefix: string | null | undefined): string | undefined {
  if (prefix === undefined) return stored.fields.get("t");
  return prefix === null ? undefined : encodeTokenPrefix(prefix);
}

/** Updates of deployments that are not accepted stay as they are. */
function keptUnknown(stored: StoredDevice, after: Device): readonly Update[] {
  if (stored.unknown.length === 0) return [];
  return stored.unknown.filter((update) => !findUpdate(after, update.deploymentId));
}

function encodeWaitingList(
  stored: StoredDevice,
  { waiting }: Placement,
  records: Map<string, string>,
): string | undefined {
  if (waiting.length === 0 && stored.hidden.length === 0) return undefined;
  const entries = waiting.map((update) => {
    const entry = encodeWaiting(update, stored.deployments.get(update.deploymentId));
    if (entry !== undefined) return entry;
    records.set(update.deploymentId, encodeRecord(update));
    return recordMark + update.deploymentId;
  });
  return [...entries, ...stored.hidden].join(",");
}

/** Past updates in the order in which they became so, without those that came back. */
function pastIds(stored: StoredDevice, { live, newest, waiting, past }: Placement): string[] {
  const listed = splitList(stored.fields.get("f"));
  if (listed.length === 0 && past.length === 0) return listed;
  const elsewhere = new Set([live, newest, ...waiting].map((update) => update?.deploymentId));
  const kept = listed.filter((id) => !elsewhere.has(id));
  const known = new Set(kept);
  return [...kept, ...past.map(({ deploymentId }) => deploymentId).filter((id) => !known.has(id))];
}

/** Resources are no part of the aggregate; the difference must not touch them. */
function keepResources(stored: StoredDevice, fields: DeviceFields): void {
  for (const [name, value] of stored.fields) {
    const first = name.charAt(0);
    if (first === "R" || first === "S") fields.set(name, value);
  }
}

function markOverflow(fields: DeviceFields): void {
  for (const [name, value] of fields) {
    const first = name.charAt(0);
    if (first === "R" || first === "S") continue;
    if ((value.length > 20 || name.length > 60) && overflows(name, value)) {
      fields.set(overflowField, "1");
      return;
    }
  }
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
    if (!records.has(id)) item.deleteFields(keys.records(id, chunk), [field]);
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
