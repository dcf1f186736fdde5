import type { Query } from "../api/client.ts";

/** What the list of devices is narrowed to; it stands in the address, so it can be kept and sent on. */
export type FleetFilter = {
  readonly state: readonly string[];
  readonly version: readonly string[];
  readonly drifted: boolean;
  readonly online: "" | "true" | "false";
  readonly isSilent: boolean;
  readonly tag: string;
  readonly q: string;
  readonly isEmpty: boolean;
  readonly query: Query;
};

/** A device is called silent when it was not heard from for this long. */
export const silentAfterMs = 86_400_000;

/** Reads the filter from the address. */
export function readFleetFilter(search: URLSearchParams): FleetFilter {
  const listOf = (name: string) => (search.get(name) ?? "").split(",").filter(Boolean);
  const [state, version] = [listOf("state"), listOf("version")];
  const drifted = search.get("drifted") === "true";
  const online = search.get("online") === "true" ? "true" : search.get("online") === "false" ? "false" : "";
  const isSilent = search.get("silent") === "true";
  const [tag, q] = [search.get("tag") ?? "", search.get("q") ?? ""];
  const [tagName, tagValue] = splitTag(tag);
  const query: Query = {
    updateState: state,
    installedVersion: version,
    ...(drifted ? { drifted: true } : {}),
    online,
    // Whole minutes: the same filter within a minute is the same list, and keeps its cursors.
    ...(isSilent ? { seenBefore: new Date(wholeMinute(Date.now() - silentAfterMs)).toISOString() } : {}),
    ...(tagName ? { [`tag.${tagName}`]: tagValue } : {}),
    q,
  };
  const isEmpty = !state.length && !version.length && !drifted && !online && !isSilent && !tagName && !q;
  return { state, version, drifted, online, isSilent, tag, q, isEmpty, query };
}

/** `site=berlin` or `site:berlin`, as name and value; no name until there is a value. */
export function splitTag(text: string): readonly [string, string] {
  const [, name = "", value = ""] = /^\s*([A-Za-z0-9_.-]{1,64})\s*[=:]\s*(.+?)\s*$/.exec(text) ?? [];
  return [name, value];
}

/** The list with the value taken in, or out if it was there; as the address has it. */
export const toggled = (list: readonly string[], value: string): string =>
  (list.includes(value) ? list.filter((one) => one !== value) : [...list, value]).join(",");

const wholeMinute = (ms: number): number => Math.floor(ms / 60_000) * 60_000;
