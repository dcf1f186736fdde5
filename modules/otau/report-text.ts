import { clipCharacters, isLongerThan, nameValue, quote } from "./characters.ts";
import { isJsonObject, readJson } from "./json-text.ts";
import type { Status } from "./vocabulary.ts";
import { statuses } from "./vocabulary.ts";

/** What an `otau_in` value says, or why it cannot be read (a sentence for the history line). */
export type ReportReading =
  | {
      readonly ok: true;
      readonly version: string;
      readonly status: Status;
      readonly message?: string;
      /** The message was too long and ends in `…`. */
      readonly cut?: true;
    }
  | { readonly ok: false; readonly why: string };

const versionMax = 128;
const messageMax = 4096;
// Other keys are ignored, so they may nest far deeper than ours; only what would hold up every other device is
// refused. The pointer of a doubled key can be as long as the nesting is deep: one is enough.
const reportBounds = { depthMax: 10_000, duplicatesMax: 1 };
const statusNames: ReadonlySet<unknown> = new Set(statuses);

/**
 * Reads an `otau_in` value: a string holding `{ version, status, message? }`. Never throws; whatever a device sends
 * is either a report or a reason.
 */
export function readReport(value: unknown): ReportReading {
  if (typeof value !== "string") {
    return refused(`The value must be a text holding JSON, not ${nameValue(value)}`);
  }
  const reading = readJson(value, reportBounds);
  if (!reading.ok) return refused(`The value is not a JSON object. ${reading.why}`);
  if (typeof reading.value === "string") {
    return refused("The value is JSON text within a JSON string; write the object itself as text, once");
  }
  if (!isJsonObject(reading.value)) {
    return refused(`The value must hold a JSON object, not ${nameValue(reading.value)}`);
  }
  const duplicate = reading.duplicates[0];
  if (duplicate !== undefined) return refused(`The key ${quote(duplicate)} appears more than once`);
  return readFields(reading.value);
}

/** What a device sent, for a history line: at most `maxChars` characters, cut with `…`, well-formed. */
export function clipRaw(raw: unknown, maxChars: number): string {
  return clipCharacters(rawText(raw), maxChars).toWellFormed();
}

function readFields({ version, status, message }: Readonly<Record<string, unknown>>): ReportReading {
  if (typeof version !== "string") return refused(`version must be a text, not ${nameValue(version)}`);
  if (version === "" || isLongerThan(version, versionMax)) {
    return refused(`version must have 1 to ${versionMax} characters, not ${quote(version)}`);
  }
  if (!isStatus(status)) {
    return refused(`status must be one of ${statuses.join(", ")}, not ${nameValue(status)}`);
  }
  // Half a surrogate pair cannot be stored; no package has one in its version, so replacing it matches nothing.
  const report = { ok: true, version: version.toWellFormed(), status } as const;
  if (message === undefined || message === null) return report;
  if (typeof message !== "string") return refused(`message must be a text, not ${nameValue(message)}`);
  const kept = clipCharacters(message, messageMax).toWellFormed();
  return isLongerThan(message, messageMax)
    ? { ...report, message: kept, cut: true }
    : { ...report, message: kept };
}

function isStatus(value: unknown): value is Status {
  return statusNames.has(value);
}

function refused(why: string): ReportReading {
  return { ok: false, why };
}

/** An object can only come parsed from an outside platform's event; writing it out again must not overflow the stack. */
function rawText(raw: unknown): string {
  if (typeof raw === "string") return raw;
  if (raw === undefined) return "";
  if (isDeeperThan(raw, 64)) return `(${nameValue(raw)}, nested too deep to show)`;
  return JSON.stringify(raw) ?? nameValue(raw);
}

function isDeeperThan(value: unknown, max: number): boolean {
  let level = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > max) return true;
    level = level.flatMap((item) => (typeof item === "object" && item !== null ? Object.values(item) : []));
  }
  return false;
}
