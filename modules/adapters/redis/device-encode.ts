import type { Device, Update } from "../../otau/model.ts";
import type { DeviceChange } from "../../usecases/ports.ts";
import { withCommitId } from "./commit-batch.ts";
import { type DeviceFields, encodeDevice, encodeTokenPrefix, splitList } from "./device-codec.ts";
import type { StoredDevice } from "./device-load.ts";
import { overflowField, overflows } from "./fields.ts";
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
  shownOf,
  unaccepted,
} from "./placement.ts";
import { encodeRecord } from "./update-codec.ts";

/** Days are what the life of a history list is counted in. */
export const dayMs = 86_400_000;

/** Most past updates that a device names; older ones are forgotten. */
const pastMax = 500;

/** What is to be stored of a device, before it is compared with what is. */
export type Encoded = {
  readonly fields: DeviceFields;
  /** Updates that are kept apart from the device, by deployment; those that were not read are not among them. */
  readonly records: ReadonlyMap<string, string>;
  /** Deployments whose records are dropped as too old. */
  readonly forgotten: readonly string[];
};

/** The fields and records of the device as it will be. */
export function encodeWhole(
  stored: StoredDevice,
  change: DeviceChange,
  after: Device,
  commitId: string,
): Encoded {
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
  set("q", change.session === undefined ? stored.fields.get("q") : (change.session ?? undefined));
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
  return stored.unknown.filter(
    (update) => !after.updates.some(({ deploymentId }) => deploymentId === update.deploymentId),
  );
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
