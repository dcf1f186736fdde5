import { randomBytes } from "node:crypto";
import type { CommitResult } from "../../usecases/ports.ts";
import { isStoreUnavailable } from "./connection.ts";
import { loadScript, type RedisConnection, runScript } from "./scripts.ts";

const commitScript = loadScript(import.meta.url, "index-sets.lua", "commit.lua");

/** Most items of one call: a longer script keeps everybody else waiting. */
export const batchItemsMax = 200;

/** Characters of a commit id; the script cuts the device's last ids by it. */
export const commitIdLength = 5;

/** Commit ids that a device keeps. */
const keptIds = 4;

let pool = "";

/** An id that no other commit of the device will carry. */
export function newCommitId(): string {
  // Random bytes are dear by the handful and cheap by the kilobyte.
  if (pool.length < commitIdLength) pool = randomBytes(3 * 1000).toString("base64url");
  const id = pool.slice(-commitIdLength);
  pool = pool.slice(0, -commitIdLength);
  return id;
}

/** The ids a device keeps after a commit, newest first. */
export function withCommitId(ids: string | undefined, id: string): string {
  return id + (ids ?? "").slice(0, (keptIds - 1) * commitIdLength);
}

/** A condition that the commit checks: the deployment's fence is not beyond the generation. */
export type Fence = { readonly key: string; readonly generation: number };

/** One device's part of a batch: its operations are collected until the next item begins. */
export type CommitItem = {
  readonly setFields: (key: string, namesAndValues: readonly string[]) => void;
  readonly deleteFields: (key: string, names: readonly string[]) => void;
  /** Moves a counter; at zero its field goes. */
  readonly count: (key: string, field: string, by: number) => void;
  /** Moves a member of a deployment from one state to another, or brings it in: sets and counters at once. */
  readonly moveMember: (move: MemberMove) => void;
  /** Moves a counter of a deployment. */
  readonly countOf: (deploymentKey: string, field: string, by: number) => void;
  readonly setScore: (key: string, score: number, member: string) => void;
  /** Only if the member has no earlier one. */
  readonly setEarlierScore: (key: string, score: number, member: string) => void;
  readonly removeMember: (key: string, member: string) => void;
  /** In a set of ordinals that turns into a bitmap as it grows. */
  readonly addOrdinal: (key: string, ordinal: number) => void;
  readonly removeOrdinal: (key: string, ordinal: number) => void;
  /** In a set of ordinals that always is a bitmap. */
  readonly setBit: (key: string, ordinal: number, on: boolean) => void;
  /** Folds into the line at the position from the end (-1 = the last). */
  readonly fold: (key: string, position: number, lastAt: string, message: string) => void;
  readonly appendLines: (key: string, lines: readonly string[], linesMax: number) => void;
  readonly appendEntry: (key: string, namesAndValues: readonly string[]) => void;
  readonly addMember: (key: string, member: string) => void;
  /** Marks a deployment as one to look after. */
  readonly mark: (key: string, member: string) => void;
  readonly setSeen: (key: string, ordinal: number, atMs: number) => void;
  readonly deleteKey: (key: string) => void;
  readonly expire: (key: string, ttlMs: number) => void;
  readonly publish: (channel: string, message: string, sharded: boolean) => void;
};

/** A member's way from one state's counter and set to another's; without `from` it is new. */
export type MemberMove = {
  readonly deploymentKey: string;
  readonly ordinal: number;
  readonly from: { readonly code: string; readonly set: string } | undefined;
  readonly to: { readonly code: string; readonly set: string };
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

/** What a key holds, as the script names it: it refuses an item whose key holds something else. */
type Kind = "H" | "D" | "h" | "z" | "l" | "x" | "s" | "b" | "i" | "a";

/** Keys are numbers (positions), everything else is text. */
type Operation = (string | number)[];
type Item = readonly [
  device: number,
  expected: string,
  commitId: string,
  fences: number[],
  operations: Operation[],
];

/** An empty batch. */
export function startBatch(): CommitBatch {
  const keys = makeKeyTable();
  const items: Item[] = [];
  let operations: Operation[] = [];
  const item = makeItem(keys.at, (operation) => operations.push(operation));
  return {
    begin: ({ deviceKey, expected, commitId, fences }) => {
      operations = [];
      const conditions: number[] = [];
      for (const { key, generation } of fences) conditions.push(keys.at(key, "D"), generation);
      items.push([keys.at(deviceKey, "H"), expected, commitId, conditions, operations]);
      return item;
    },
    size: () => items.length,
    send: async (redis) => {
      if (items.length === 0) return [];
      const request = JSON.stringify([keys.kinds(), items]);
      return readResults(await sendTwice(redis, keys.names, [request]));
    },
  };
}

type KeyTable = {
  readonly at: (key: string, kind: Kind) => number;
  readonly names: readonly string[];
  readonly kinds: () => string;
};

function makeKeyTable(): KeyTable {
  const names: string[] = [];
  const kinds: Kind[] = [];
  const positions = new Map<string, number>();
  return {
    names,
    kinds: () => kinds.join(""),
    at: (key, kind) => {
      const known = positions.get(key);
      if (known === undefined) {
        kinds.push(kind);
        const position = names.push(key);
        positions.set(key, position);
        return position;
      }
      if (kinds[known - 1] === "a") kinds[known - 1] = kind;
      return known;
    },
  };
}

function makeItem(at: KeyTable["at"], add: (operation: Operation) => void): CommitItem {
  return {
    setFields: (key, values) => values.length > 0 && add(["h", at(key, "h"), ...values]),
    deleteFields: (key, names) => names.length > 0 && add(["d", at(key, "h"), ...names]),
    count: (key, field, by) => by !== 0 && add(["i", at(key, "h"), field, String(by)]),
    moveMember: ({ deploymentKey, ordinal, from, to }) => {
      const target = [to.code, at(to.set, "i"), String(ordinal)];
      const source = from === undefined ? ["", ""] : [from.code, at(from.set, "i")];
      add(["M", at(deploymentKey, "D"), ...source, ...target]);
    },
    countOf: (key, field, by) => by !== 0 && add(["S", at(key, "D"), field, String(by)]),
    setScore: (key, score, member) => add(["z", at(key, "z"), String(score), member]),
    setEarlierScore: (key, score, member) => add(["Z", at(key, "z"), String(score), member]),
    removeMember: (key, member) => add(["y", at(key, "z"), member]),
    addOrdinal: (key, ordinal) => add(["+", at(key, "i"), String(ordinal)]),
    removeOrdinal: (key, ordinal) => add(["-", at(key, "i"), String(ordinal)]),
    setBit: (key, ordinal, on) => add(["B", at(key, "b"), String(ordinal), on ? "1" : "0"]),
    fold: (key, position, lastAt, message) => add(["f", at(key, "l"), String(position), lastAt, message]),
    appendLines: (key, lines, linesMax) =>
      lines.length > 0 && add(["l", at(key, "l"), String(linesMax), ...lines]),
    appendEntry: (key, values) => add(["x", at(key, "x"), ...values]),
    addMember: (key, member) => add(["a", at(key, "s"), member]),
    mark: (key, member) => add(["m", at(key, "z"), member]),
    setSeen: (key, ordinal, atMs) =>
      add(["s", at(key, "b"), String(ordinal), String(Math.max(0, Math.round(atMs)))]),
    deleteKey: (key) => add(["k", at(key, "a")]),
    expire: (key, ttlMs) => add(["e", at(key, "a"), String(ttlMs)]),
    publish: (channel, message, sharded) => add([sharded ? "P" : "p", at(channel, "a"), message]),
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
