import type { ConfigSet, Device, FoldTarget, Update } from "../../otau/model.ts";
import type { Status } from "../../otau/vocabulary.ts";
import type { DeviceExtras } from "../../usecases/ports.ts";
import { statusCodes } from "./codes.ts";
import { decodeUpdate, encodeUpdate, textKeys, type UpdateTexts } from "./update-codec.ts";

/**
 * Fields of a device's hashes. One letter each: r revision, c last commit ids, o ordinal, b created, v installed
 * version, i its stamp, V confirmed version, D drifted, h history seq, e event seq, F fold, s step rate,
 * g `config_otau`, G the last succeeded one, w waiting, f past, p newest past, k state shown (index), t token prefix,
 * a activated, q session, Q failures and rest, X deleted, E day of the last history line, l… live update, n… newest written one, #name a tag, R…/S… resources.
 */
export type DeviceFields = Map<string, string>;

/** Fields that deployments' updates do not stand in. */
export function encodeDevice(
  device: Device,
  live: Update | undefined,
  newest: Update | undefined,
): DeviceFields {
  const fields: DeviceFields = new Map([
    ["r", String(device.revision)],
    ["b", String(device.createdAt)],
  ]);
  const set = (name: string, value: string | undefined) => value !== undefined && fields.set(name, value);
  set("v", device.installedVersion?.toWellFormed());
  set("i", device.installedStampedAt?.toString());
  set("V", encodeConfirmed(device));
  if (device.drifted) fields.set("D", "1");
  if (device.historySeq > 0) fields.set("h", String(device.historySeq));
  if (device.eventSeq > 0) fields.set("e", String(device.eventSeq));
  if (device.fold !== undefined) fields.set("F", encodeFoldTarget(device.fold));
  if (device.stepRate !== undefined)
    fields.set("s", `${device.stepRate.second.toString(36)}.${device.stepRate.count}`);
  set("Q", encodeRest(device));
  set("g", encodeSet(device.configSet, live, newest));
  set("G", encodeSet(device.succeededSet, live, newest));
  if (live !== undefined) putUpdate(fields, "l", live);
  if (newest !== undefined) putUpdate(fields, "n", newest);
  for (const [name, value] of Object.entries(device.tags)) fields.set(`#${name}`, value.toWellFormed());
  return fields;
}

/** Where a device is, and the updates that were found for it. */
export type DevicePlace = {
  readonly productId: string;
  readonly identity: string;
  readonly uid: string;
  readonly updates: readonly Update[];
  readonly pastLoaded: boolean;
};

/** The device whose fields these are. `live` and `newest` are the updates of its own fields. */
export function decodeDevice(
  fields: ReadonlyMap<string, string>,
  place: DevicePlace,
  live: Update | undefined,
  newest: Update | undefined,
): Device {
  const installedVersion = fields.get("v");
  const confirmedVersion = decodeConfirmed(fields.get("V"), installedVersion);
  const installedStampedAt = fields.get("i");
  const fold = fields.get("F");
  const stepRate = fields.get("s");
  const configSet = decodeSet(fields.get("g"), live, newest);
  const succeededSet = decodeSet(fields.get("G"), live, newest);
  return {
    ...place,
    revision: Number(fields.get("r")),
    createdAt: Number(fields.get("b")),
    tags: decodeTags(fields),
    drifted: fields.has("D"),
    historySeq: Number(fields.get("h") ?? 0),
    eventSeq: Number(fields.get("e") ?? 0),
    ...(installedVersion === undefined ? {} : { installedVersion }),
    ...(installedStampedAt === undefined ? {} : { installedStampedAt: Number(installedStampedAt) }),
    ...(confirmedVersion === undefined ? {} : { confirmedVersion }),
    ...(configSet === undefined ? {} : { configSet }),
    ...(succeededSet !== undefined && "deploymentId" in succeededSet ? { succeededSet } : {}),
    ...(fold === undefined ? {} : { fold: decodeFoldTarget(fold) }),
    ...(stepRate === undefined ? {} : { stepRate: decodeStepRate(stepRate) }),
    ...decodeRest(fields.get("Q")),
  };
}

/** What is kept of a device beside the aggregate. */
export function decodeExtras(fields: ReadonlyMap<string, string>, lastSeenAt: number): DeviceExtras {
  const tokenPrefix = fields.get("t");
  const activatedAt = fields.get("a");
  const session = fields.get("q");
  return {
    ...(lastSeenAt === 0 ? {} : { lastSeenAt }),
    ...(tokenPrefix === undefined ? {} : { tokenPrefix: decodeTokenPrefix(tokenPrefix) }),
    ...(activatedAt === undefined ? {} : { activatedAt: Number(activatedAt) }),
    ...(session === undefined ? {} : { session }),
  };
}

/** 16 hex characters as 11: every device has them. Anything else stands as it is, behind a dot. */
export function encodeTokenPrefix(prefix: string): string {
  return /^[0-9a-f]{16}$/.test(prefix) ? Buffer.from(prefix, "hex").toString("base64url") : `.${prefix}`;
}

function decodeTokenPrefix(text: string): string {
  return text.startsWith(".") ? text.slice(1) : Buffer.from(text, "base64url").toString("hex");
}

/** The update of the fields with this letter. */
export function readUpdate(fields: ReadonlyMap<string, string>, slot: "l" | "n"): Update | undefined {
  const head = fields.get(`${slot}0`);
  if (head === undefined) return undefined;
  const idEnd = head.indexOf(",");
  const texts: Record<string, string> = {};
  for (const key of textKeys) {
    const text = fields.get(slot + key);
    if (text !== undefined) texts[key] = text;
  }
  return decodeUpdate(head.slice(0, idEnd), {
    core: head.slice(idEnd + 1),
    writeTimes: fields.get(`${slot}1`) ?? "",
    reportTimes: fields.get(`${slot}2`) ?? "",
    texts: texts as UpdateTexts,
  });
}

function putUpdate(fields: DeviceFields, slot: "l" | "n", update: Update): void {
  const { core, writeTimes, reportTimes, texts } = encodeUpdate(update);
  fields.set(`${slot}0`, `${update.deploymentId},${core}`);
  fields.set(`${slot}1`, writeTimes);
  if (reportTimes !== "") fields.set(`${slot}2`, reportTimes);
  for (const key of textKeys) {
    const text = texts[key];
    if (text !== undefined) fields.set(slot + key, text);
  }
}

/** The confirmed version mostly is the installed one; then it is `=`. */
function encodeConfirmed({ confirmedVersion, installedVersion }: Device): string | undefined {
  if (confirmedVersion === undefined) return undefined;
  return confirmedVersion === installedVersion ? "=" : `'${confirmedVersion.toWellFormed()}`;
}

function decodeConfirmed(text: string | undefined, installed: string | undefined): string | undefined {
  return text === "=" ? installed : text?.slice(1);
}

/** What is set mostly is the value of an update that stands in the device anyway: `l` or `n`. */
function encodeSet(
  set: ConfigSet | undefined,
  live: Update | undefined,
  newest: Update | undefined,
): string | undefined {
  if (set === undefined) return undefined;
  if ("text" in set) return `T${set.timestampUs},${set.text.toWellFormed()}`;
  if (isValueOf(set, live)) return "l";
  if (isValueOf(set, newest)) return "n";
  return `D${set.timestampUs},${set.deploymentId}`;
}

function isValueOf(set: { deploymentId: string; timestampUs: number }, update: Update | undefined): boolean {
  return update?.deploymentId === set.deploymentId && update.timestampUs === set.timestampUs;
}

function decodeSet(
  text: string | undefined,
  live: Update | undefined,
  newest: Update | undefined,
): ConfigSet | undefined {
  if (text === undefined) return undefined;
  if (text === "l" || text === "n") {
    const update = text === "l" ? live : newest;
    return { deploymentId: update?.deploymentId ?? "", timestampUs: update?.timestampUs ?? 0 };
  }
  const end = text.indexOf(",");
  const timestampUs = Number(text.slice(1, end));
  const rest = text.slice(end + 1);
  return text.startsWith("T") ? { text: rest, timestampUs } : { deploymentId: rest, timestampUs };
}

function encodeFoldTarget({ seq, status, version, message, steps }: FoldTarget): string {
  const texts = message === undefined ? [version] : [version, message];
  const kind = steps ? "+" : ",";
  return `${seq}${kind}${statusCodes.codeOf(status)},${JSON.stringify(texts.map((text) => text.toWellFormed()))}`;
}

function decodeFoldTarget(text: string): FoldTarget {
  const seqEnd = text.search(/[,+]/);
  const [version = "", message] = JSON.parse(text.slice(seqEnd + 3)) as string[];
  const status: Status = statusCodes.wordOf(text.charAt(seqEnd + 1)) ?? "INIT";
  return {
    seq: Number(text.slice(0, seqEnd)),
    status,
    version,
    ...(message === undefined ? {} : { message }),
    ...(text.charAt(seqEnd) === "+" ? { steps: true as const } : {}),
  };
}

function decodeStepRate(text: string): { second: number; count: number } {
  const [second = "", count] = text.split(".");
  return { second: Number.parseInt(second, 36), count: Number(count) };
}

/** When the rest ends, then when attempts failed: the first in full, the others by their distance. */
function encodeRest({ failedAt, restUntil }: Device): string | undefined {
  if (failedAt === undefined && restUntil === undefined) return undefined;
  let last = 0;
  const failures = (failedAt ?? []).map((at) => {
    const text = (at - last).toString(36);
    last = at;
    return text;
  });
  return [restUntil?.toString(36) ?? "", ...failures].join(".");
}

function decodeRest(text: string | undefined): Pick<Device, "failedAt" | "restUntil"> {
  if (text === undefined) return {};
  const [until = "", ...failures] = text.split(".");
  let last = 0;
  const failedAt = failures.map((part) => {
    last += Number.parseInt(part, 36);
    return last;
  });
  return {
    ...(until === "" ? {} : { restUntil: Number.parseInt(until, 36) }),
    ...(failedAt.length === 0 ? {} : { failedAt }),
  };
}

function decodeTags(fields: ReadonlyMap<string, string>): Record<string, string> {
  const tags: Record<string, string> = {};
  for (const [name, value] of fields) {
    // `__proto__` is a name like any other.
    if (name.startsWith("#")) Object.defineProperty(tags, name.slice(1), { ...plainProperty, value });
  }
  return tags;
}

const plainProperty = { enumerable: true, writable: true, configurable: true } as const;

/** Entries of a comma list; none for an absent one. */
export function splitList(text: string | undefined): string[] {
  return text === undefined || text === "" ? [] : text.split(",");
}
