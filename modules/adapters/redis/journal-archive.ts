import type { ChainPoint } from "../../otau/journal-chain.ts";
import type { JournalArchive, JournalRow } from "../../usecases/ports.ts";
import { withStoreErrors } from "./connection.ts";
import type { JournalFile, JournalFiles } from "./journal-files.ts";
import { nextDigest, readLot } from "./journal-lines.ts";
import type { JournalReads } from "./journal-reads.ts";
import { productKeys } from "./product-keys.ts";
import { type ProductStoreDeps, productScript, runProductScript } from "./product-scripts.ts";

const linesPerFile = 50_000;
const lotsPerRead = 100;

export type ArchiveDeps = ProductStoreDeps & {
  readonly files: JournalFiles;
  readonly reads: JournalReads;
  /** So many lines stay in the store. */
  readonly linesKept: number;
  /** Files older than that are deleted; absent = never. */
  readonly filesKeptMs?: number;
};

/**
 * Takes lines out of the store that stand in a file by now.
 * KEYS: journal, head. ARGV: number and digest up to which lines were in files, number and digest now.
 */
const dropArchived = productScript(
  "dropArchived",
  `
typed({ 'stream', 'hash' })
local seen = redis.call('HMGET', KEYS[2], 'arch:n', 'arch:digest')
if (seen[1] or '0') ~= ARGV[1] or (seen[2] or '') ~= ARGV[2] then return { 'lost' } end
redis.call('HSET', KEYS[2], 'arch:n', ARGV[3], 'arch:digest', ARGV[4])
redis.call('XTRIM', KEYS[1], 'MINID', int(tonumber(ARGV[3]) + 1) .. '-0')
return { 'dropped' }`,
);

type Lot = { readonly last: number; readonly texts: readonly string[]; readonly digest: string };

/**
 * Old lines move from the store into files, the chain going on across both. A line is dropped from the store only when
 * it is safe in a file, and only if the chain up to it is sound: what somebody spoilt is left for the check to find.
 */
export function makeJournalArchive(deps: ArchiveDeps): JournalArchive {
  const { redis, files, reads } = deps;

  async function pointOf(productId: string, name: "" | "arch:" | "begin:"): Promise<ChainPoint> {
    const key = productKeys.journalHead(productId);
    const [number, digest] = await withStoreErrors(() => redis.hmget(key, `${name}n`, `${name}digest`));
    return { number: Number(number ?? 0), digest: digest ?? "" };
  }

  async function lotsAfter(productId: string, after: number, limit: number): Promise<Lot[]> {
    const rows = await withStoreErrors(() =>
      redis.xrange(productKeys.journal(productId), `(${after}-0`, "+", "COUNT", limit),
    );
    return rows.map(([id, fields]) => {
      const last = Number.parseInt(id, 10);
      return { last, texts: readLot(fields[1] ?? "", last, 0), digest: fields[3] ?? "" };
    });
  }

  /** Moves what is beyond the lines that are kept; how many lines. */
  async function archive(productId: string): Promise<number> {
    const newest = await reads.newest(productId);
    let moved = 0;
    for (;;) {
      const begin = await pointOf(productId, "arch:");
      const over = newest - deps.linesKept - begin.number;
      // Not for every single line a file of its own.
      if (over < Math.max(1, Math.min(linesPerFile, deps.linesKept / 10))) return moved;
      const { texts, end } = await soundLines(productId, begin, begin.number + Math.min(over, linesPerFile));
      if (texts.length === 0) return moved;
      await dropUnfinished(productId, begin.number);
      await files.write(productId, begin, texts);
      const points = [begin.number, begin.digest, end.number, end.digest];
      const keys = [productKeys.journal(productId), productKeys.journalHead(productId)];
      if ((await runProductScript(deps, dropArchived, keys, points))[0] !== "dropped") return moved;
      moved += texts.length;
    }
  }

  /** Whole lots after a point that end at a number or before it, as far as their chain is sound. */
  async function soundLines(productId: string, begin: ChainPoint, upTo: number) {
    const texts: string[] = [];
    let end = begin;
    for (;;) {
      const lots = await lotsAfter(productId, end.number, lotsPerRead);
      for (const lot of lots) {
        const digest = lot.texts.reduce(nextDigest, end.digest);
        const isSound = digest === lot.digest && lot.last === end.number + lot.texts.length;
        if (!isSound || lot.last > upTo) return { texts, end };
        texts.push(...lot.texts);
        end = { number: lot.last, digest };
      }
      if (lots.length === 0) return { texts, end };
    }
  }

  /** Files that were written and never taken up, by a process that died in between. */
  async function dropUnfinished(productId: string, after: number): Promise<void> {
    for (const file of await files.list(productId))
      if (file.first > after) await files.remove(productId, file);
  }

  /** Deletes old files, but none that is needed from `neededFrom` on. */
  async function retain(productId: string, neededFrom: number, nowMs: number): Promise<void> {
    const { filesKeptMs } = deps;
    if (filesKeptMs === undefined) return;
    const archived = await pointOf(productId, "arch:");
    const all = (await files.list(productId)).filter(({ last }) => last <= archived.number);
    for (const [index, file] of all.entries()) {
      const isOld = nowMs - (await files.modifiedAt(productId, file)) > filesKeptMs;
      if (!isOld || file.last >= neededFrom) return;
      const next = all[index + 1];
      const begin = next === undefined ? archived : (await files.read(productId, next)).begin;
      const key = productKeys.journalHead(productId);
      await withStoreErrors(() => redis.hset(key, { "begin:n": begin.number, "begin:digest": begin.digest }));
      await files.remove(productId, file);
    }
  }

  async function textsOfFiles(productId: string, after: number, limit: number): Promise<string[]> {
    const found: string[] = [];
    for (const file of await files.list(productId)) {
      if (file.last <= after) continue;
      const { begin, texts } = await files.read(productId, file);
      found.push(
        ...texts.slice(Math.max(0, after - begin.number), Math.max(0, after - begin.number) + limit),
      );
      if (found.length >= limit) break;
    }
    return found.slice(0, limit);
  }

  async function texts(productId: string, after: number, limit: number): Promise<string[]> {
    const near = await reads.texts(productId, after, limit);
    const first = numberOf(near[0]);
    if (first === after + 1 || (first === undefined && after >= (await reads.newest(productId)))) return near;
    const far = await textsOfFiles(
      productId,
      after,
      first === undefined ? limit : Math.min(limit, first - after - 1),
    );
    return [...far, ...near].slice(0, limit);
  }

  async function textsBefore(productId: string, before: number, limit: number): Promise<string[]> {
    const found = await reads.textsBefore(productId, before, limit);
    let end = numberOf(found.at(-1)) ?? before;
    for (const file of (await filesNeeded()).reverse()) {
      if (found.length >= limit || file.first >= end) continue;
      const { begin, texts: rows } = await files.read(productId, file);
      found.push(...rows.slice(0, end - begin.number - 1).reverse());
      end = file.first;
    }
    return found.slice(0, limit);

    async function filesNeeded(): Promise<JournalFile[]> {
      return found.length >= limit ? [] : files.list(productId);
    }
  }

  /** All rows, in order, with the points the chain must pass through; lines may move into files meanwhile. */
  async function* rows(productId: string): AsyncGenerator<JournalRow> {
    const end = await pointOf(productId, "");
    const begin = await pointOf(productId, "begin:");
    yield { kind: "begin", point: begin };
    let at = begin.number;
    while (at < end.number) {
      const archived = await pointOf(productId, "arch:");
      if (at < archived.number) {
        yield* fileRows(productId, at, archived.number);
        yield { kind: "point", point: archived };
        at = archived.number;
        continue;
      }
      const lots = await lotsAfter(productId, at, lotsPerRead);
      if (lots.length === 0) break;
      for (const { last, texts: lines, digest } of lots) {
        if (last > end.number && at >= end.number) break;
        for (const text of lines) yield { kind: "line", text };
        yield { kind: "point", point: { number: last, digest } };
        at = last;
      }
    }
    yield { kind: "end", point: end };
  }

  async function* fileRows(productId: string, after: number, upTo: number): AsyncGenerator<JournalRow> {
    for (const file of await files.list(productId)) {
      if (file.last <= after || file.first > upTo) continue;
      const { begin, texts: lines } = await files.read(productId, file, { fresh: true });
      if (begin.number >= after) yield { kind: "point", point: begin };
      for (const text of lines.slice(Math.max(0, after - begin.number))) yield { kind: "line", text };
    }
  }

  return { archive, retain, texts, textsBefore, rows, newest: reads.newest };
}

function numberOf(text: string | undefined): number | undefined {
  const digits = /^\{"id":"(\d+)"/.exec(text ?? "")?.[1];
  return digits === undefined ? undefined : Number(digits);
}
