import { OtauError } from "../errors.ts";
import type { DeviceEntry } from "../usecases/device-access.ts";
import type { FormPair } from "./http/form.ts";

/** Largest value of a resource, in bytes of UTF-8. */
export const maxValueBytes = 1_048_576;

const maxAliases = 1000;

/**
 * Values in the order of the body as entries without a stamp. A resource named twice was written twice: its second
 * value begins an entry of its own.
 */
export function entriesOfPairs(pairs: readonly FormPair[]): DeviceEntry[] {
  const entries: Map<string, string>[] = [];
  for (const { name, value } of pairs) {
    const latest = entries.at(-1);
    if (latest === undefined || latest.has(name)) entries.push(new Map([[name, value]]));
    else latest.set(name, value);
  }
  return entries.map((values) => ({ values: Object.fromEntries(values) }));
}

/**
 * Entries without the values whose name no resource can have: unknown resources are no error. TOO_LARGE for a value
 * above the limit, INVALID_INPUT for too many of them.
 */
export function checkedEntries(entries: readonly DeviceEntry[]): DeviceEntry[] {
  const checked: DeviceEntry[] = [];
  let count = 0;
  for (const { timestamp, values } of entries) {
    const kept = Object.entries(values).filter(([alias]) => isAlias(alias));
    for (const [alias, value] of kept) checkSize(alias, value);
    count += kept.length;
    if (kept.length === 0) continue;
    checked.push({ ...(timestamp !== undefined && { timestamp }), values: Object.fromEntries(kept) });
  }
  if (count > maxAliases)
    throw new OtauError("INVALID_INPUT", `${count} values in one request; send at most ${maxAliases}.`);
  return checked;
}

/** Those of the names that a resource can have, each once, in the order given. */
export const admissibleAliases = (names: readonly string[]): string[] =>
  [...new Set(names)].filter(isAlias).slice(0, maxAliases);

// Murano's pattern for a resource name, with a length; no spaces or control characters.
const isAlias = (name: string): boolean =>
  /^\w{1,64}$/.test(name) || (name.length <= 128 && /^[^.$\s\p{Cc}]+$/u.test(name));

function checkSize(alias: string, value: unknown): void {
  if (typeof value !== "string") return;
  const bytes = value.length > maxValueBytes ? value.length : Buffer.byteLength(value);
  if (bytes <= maxValueBytes) return;
  throw new OtauError("TOO_LARGE", `The value of ${alias} is larger than ${maxValueBytes} bytes.`);
}
