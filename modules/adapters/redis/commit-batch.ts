import { randomBytes } from "node:crypto";
import type { CommitResult } from "../../usecases/ports.ts";
import { isStoreUnavailable } from "./connection.ts";
import { loadScript, type RedisConnection, runScript } from "./scripts.ts";

const commitScript = loadScript(import.meta.url, "index-sets.lua", "commit.lua");

/** Most items of one call: a longer script keeps everybody else waiting. */
export const batchItemsMax = 200;

/** Characters of a commit id; the script cuts the device's last ids by it. */
export const commitIdLength = 6;

/** Commit ids that a device keeps. */
const keptIds = 4;

/** An id that no other commit of the device will carry. */
export function newCommitId(): string {
  return randomBytes(5).toString("base64url").slice(0, commitIdLength);
}

/** The ids a device keeps after a commit, newest first. */
export function withCommitId(ids: string | undefined, id: string): string {
  return id + (ids ?? "").slice(0, (keptIds - 1) * commitIdLength);
}

/** A condition that the commit checks: the deployment's fence is not beyond the generation. */
export type Fence = { readonly key: string; readonly generation: number };

/** One device's part of a batch: its operations are collected first and then sealed by `end`. */
export type CommitItem = {
  readonly setFields: (key: string, namesAndValues: readonly string[]) => void;
  readonly deleteFields: (key: string, names: readonly string[]) => void;
  /** Moves a counter; at zero its field goes. */
  readonly count: (key: string, field: string, by: number) => void;
  readonly setScore: (key: string, score: number, member: string) => void;
  /** Only if the member has no earlier one. */
  readonly setEarlierScore: (key: string, score: number, member: string) => void;
  readonly removeMember: (key: string, member: string) => void;
  readonly addOrdinal: (key: string, ordinal: number) => void;
  readonly removeOrdinal: (key: string, ordinal: number) => void;
  /** Folds into the line at the position from the end (-1 = the last). */
  readonly fold: (key: string, position: number, lastAt: string, message: string) => void;
  readonly appendLines: (key: string, lines: readonly string[], linesMax: number, ttlMs: number) => void;
  readonly appendEntry: (key: string, namesAndValues: readonly string[]) => void;
  readonly addMember: (key: string, member: string) => void;
  readonly mark: (key: string, counterKey: string, member: string) => void;
  readonly setSeen: (key: string, ordinal: number, atMs: number) => void;
  readonly deleteKey: (key: string) => void;
  readonly expire: (key: string, ttlMs: number) => void;
  readonly publish: (channel: string, message: string, sharded: boolean) => void;
};

/** What an item is about and under which conditions it is stored. */
export type CommitHead = {
  readonly deviceKey: string;
  /** Revision the device must have; `""` = it must not exist; `x<revision>` = deleted at that revision. */
  readonly expected: string;
  readonly commitId: string;
  readonly fences: readonly Fence[];
};

/** Items of one shard, sent in one call. */
export type CommitBatch = {
  /** Starts an item; it ends where the next one starts. */
  readonly begin: (head: CommitHead) => CommitItem;
  readonly size: () => number;
  /**
   * Stores what can be stored; results in the order of the items. Where the outcome is unknown it is sent once more:
   * the commit ids see to it that nothing is done twice.
   */
  readonly send: (redis: RedisConnection) => Promise<CommitResult[]>;
};

/** An empty batch. */
export function startBatch(): CommitBatch {
  const keys: string[] = [];
  const positions = new Map<string, string>();
  const args: string[] = [];
  let items = 0;
  let operations = 0;
  let countAt = 0;

  const at = (key: string): string => {
    let position = positions.get(key);
    if (position === undefined) {
      position = String(keys.push(key));
      positions.set(key, position);
    }
    return position;
  };
  const add = (operation: string, key: string, values: readonly string[]): void => {
    args.push(operation, at(key), String(values.length), ...values);
    operations++;
  };
  const item: CommitItem = {
    setFields: (key, values) => values.length > 0 && add("h", key, values),
    deleteFields: (key, names) => names.length > 0 && add("d", key, names),
    count: (key, field, by) => by !== 0 && add("i", key, [field, String(by)]),
    setScore: (key, score, member) => add("z", key, [String(score), member]),
    setEarlierScore: (key, score, member) => add("Z", key, [String(score), member]),
    removeMember: (key, member) => add("y", key, [member]),
    addOrdinal: (key, ordinal) => add("+", key, [String(ordinal)]),
    removeOrdinal: (key, ordinal) => add("-", key, [String(ordinal)]),
    fold: (key, position, lastAt, message) => add("f", key, [String(position), lastAt, message]),
    appendLines: (key, lines, linesMax, ttlMs) =>
      lines.length > 0 && add("l", key, [String(linesMax), String(ttlMs), ...lines]),
    appendEntry: (key, values) => add("x", key, values),
    addMember: (key, member) => add("a", key, [member]),
    mark: (key, counterKey, member) => add("m", key, [at(counterKey), member]),
    setSeen: (key, ordinal, atMs) => add("s", key, [String(ordinal), String(Math.max(0, Math.round(atMs)))]),
    deleteKey: (key) => add("k", key, []),
    expire: (key, ttlMs) => add("e", key, [String(ttlMs)]),
    publish: (channel, message, sharded) => add(sharded ? "P" : "p", channel, [message]),
  };
  const seal = (): void => {
    if (items > 0) args[countAt] = String(operations);
  };
  return {
    begin: ({ deviceKey, expected, commitId, fences }) => {
      seal();
      args.push(at(deviceKey), expected, commitId, String(fences.length));
      for (const { key, generation } of fences) args.push(at(key), String(generation));
      countAt = args.push("0") - 1;
      operations = 0;
      items++;
      return item;
    },
    size: () => items,
    send: async (redis) => {
      seal();
      if (items === 0) return [];
      return readResults(await sendTwice(redis, keys, args));
    },
  };
}

async function sendTwice(redis: RedisConnection, keys: readonly string[], args: readonly string[]) {
  try {
    return await runScript(redis, commitScript, keys, args);
  } catch (error) {
    if (!isStoreUnavailable(error)) throw error;
    return await runScript(redis, commitScript, keys, args);
  }
}

const resultNames = ["done", "stale", "fenced", "gone"] as const;

function readResults(reply: unknown): CommitResult[] {
  return (reply as (number | string)[]).map((code) => {
    const name = typeof code === "number" ? resultNames[code] : undefined;
    if (name === undefined) {
      throw new Error(
        `the store holds something else where this change belongs: ${code}; nothing of it was stored`,
      );
    }
    return name;
  });
}
