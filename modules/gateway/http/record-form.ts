import type { DeviceEntry } from "../../usecases/device-access.ts";
import type { FormPair } from "./form.ts";

/** What a record request holds: entries to store, or why it holds none. */
export type RecordForm =
  | { readonly kind: "entries"; readonly entries: readonly DeviceEntry[] }
  | { readonly kind: "malformed"; readonly detail: string }
  /** The same stamp was given twice for one alias. */
  | { readonly kind: "clash"; readonly stamps: readonly string[] };

/**
 * Reads `alias=<a>&<stamp>=<value>&…&alias=<b>&…`: stamps belong to the alias before them. Values of several
 * aliases with one stamp form one entry; entries keep the order in which their stamps first appear.
 */
export function readRecordForm(pairs: readonly FormPair[]): RecordForm {
  const byStamp = new Map<string, Map<string, string>>();
  const clashes: string[] = [];
  let alias: string | undefined;
  for (const { name, value } of pairs) {
    if (name === "alias") {
      alias = value;
      continue;
    }
    if (alias === undefined) return malformed(`"${name}" stands before any alias=<name>`);
    if (!/^\d{1,17}$/.test(name)) return malformed(`"${name.slice(0, 64)}" is not a Unix time`);
    const values = byStamp.get(name) ?? new Map<string, string>();
    if (values.has(alias)) clashes.push(name);
    values.set(alias, value);
    byStamp.set(name, values);
  }
  if (clashes.length > 0) return { kind: "clash", stamps: clashes };
  if (byStamp.size === 0) return malformed("the body holds no alias=<name>&<stamp>=<value>");
  const entries = [...byStamp].map(([stamp, values]) => ({
    timestamp: Number(stamp),
    values: Object.fromEntries(values),
  }));
  return { kind: "entries", entries };
}

const malformed = (detail: string): RecordForm => ({ kind: "malformed", detail });
