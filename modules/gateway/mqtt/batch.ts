import type { DeviceEntry } from "../../usecases/device-access.ts";

const maxEntries = 1000;

/** Reads a `$resource.batch` payload: `[{ timestamp, values: { alias: value } }]`. Throws, saying what is wrong. */
export function readBatch(text: string): DeviceEntry[] {
  const parsed: unknown = JSON.parse(text);
  if (!Array.isArray(parsed)) throw new Error("a batch is an array");
  if (parsed.length > maxEntries) throw new Error(`a batch holds at most ${maxEntries} entries`);
  return parsed.map(readEntry);
}

function readEntry(item: unknown): DeviceEntry {
  if (!isRecord(item)) throw new Error("an entry of a batch is an object");
  const { timestamp, values } = item;
  if (!isRecord(values)) throw new Error("an entry of a batch has values");
  if (timestamp === undefined || timestamp === null) return { values };
  const stamp = typeof timestamp === "string" && timestamp !== "" ? Number(timestamp) : timestamp;
  if (typeof stamp !== "number" || !Number.isFinite(stamp)) throw new Error("a timestamp is a number");
  return { timestamp: stamp, values };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
