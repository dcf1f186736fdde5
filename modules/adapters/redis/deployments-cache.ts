import type { DeploymentRecord } from "../../usecases/ports.ts";
import { type DeploymentFixed, type DeploymentVarying, readFixed, readMutable } from "./deployments-text.ts";

/** How old the varying part may be: a decision made with an older one is refused by the shards' fences. */
const freshForMs = 250;
const entriesMax = 5000;
/** Of the fixed texts; a config_otau may have 64 KiB. */
const charactersMax = 64 * 1024 * 1024;

/** One row as `readDeployments` answers it. */
export type DeploymentRow = {
  readonly revision: string;
  readonly generation: string;
  readonly seq: string;
  readonly mutableText: string;
  readonly withdrawn: boolean;
  /** Empty when it was not asked for. */
  readonly fixedText: string;
};

type Entry = {
  readonly record: DeploymentRecord;
  readonly fixed: DeploymentFixed;
  readonly characters: number;
  readonly readAt: number;
};

export type DeploymentCache = ReturnType<typeof makeDeploymentCache>;

/** Records by key; the fixed part stays until it is crowded out, the varying part for 250 ms. */
export function makeDeploymentCache(monotonicMs: () => number) {
  const entries = new Map<string, Entry>();
  let characters = 0;

  function drop(key: string): void {
    characters -= entries.get(key)?.characters ?? 0;
    entries.delete(key);
  }

  function keep(key: string, entry: Entry): void {
    // Deleted and set again, so that the map's order is the order of use.
    drop(key);
    entries.set(key, entry);
    characters += entry.characters;
    for (const oldest of entries.keys()) {
      if (entries.size <= entriesMax && characters <= charactersMax) return;
      if (oldest !== key) drop(oldest);
    }
  }

  function put(key: string, fixed: DeploymentFixed, size: number, seq: number, varying: DeploymentVarying) {
    const before = entries.get(key);
    // Two reads may overtake each other.
    if (before !== undefined && before.record.revision > varying.revision) return before.record;
    const record = sameAs(before, varying)
      ? before.record
      : ({ ...fixed, ...varying, seq } as DeploymentRecord);
    keep(key, { record, fixed, characters: size, readAt: monotonicMs() });
    return record;
  }

  return {
    /** The record, if it was read within the last 250 ms. */
    fresh(key: string): DeploymentRecord | undefined {
      const entry = entries.get(key);
      return entry !== undefined && monotonicMs() - entry.readAt < freshForMs ? entry.record : undefined;
    },
    hasFixed: (key: string): boolean => entries.has(key),
    /** Takes in a row that was read; undefined when its fixed part was neither read nor is it known any more. */
    store(key: string, row: DeploymentRow): DeploymentRecord | undefined {
      const known = entries.get(key);
      const fixed = known?.fixed ?? (row.fixedText === "" ? undefined : readFixed(row.fixedText));
      if (fixed === undefined) return undefined;
      return put(key, fixed, known?.characters ?? row.fixedText.length, Number(row.seq), {
        ...readMutable(row.mutableText),
        revision: Number(row.revision),
        generation: Number(row.generation),
        withdrawn: row.withdrawn,
      });
    },
    forget: drop,
  };
}

function sameAs(entry: Entry | undefined, varying: DeploymentVarying): entry is Entry {
  return (
    entry !== undefined &&
    entry.record.revision === varying.revision &&
    entry.record.generation === varying.generation &&
    entry.record.withdrawn === varying.withdrawn
  );
}
