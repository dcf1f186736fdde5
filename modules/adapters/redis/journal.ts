import type { Actor } from "../../otau/vocabulary.ts";
import type { Journal, JournalLine } from "../../usecases/ports.ts";
import { withStoreErrors } from "./connection.ts";
import { type JournalHead, type LogEntry, lotOf } from "./journal-lines.ts";
import { makeJournalReads } from "./journal-reads.ts";
import { appendToJournal, appendToLog, countBeyond, forgetLog, trimLog } from "./journal-scripts.ts";
import { allShardKeys } from "./keys.ts";
import { defaultProductId, productIdsKey, productKeys } from "./product-keys.ts";
import { type ProductStoreDeps, runProductScript } from "./product-scripts.ts";

/** Stands for a shard's number where the log of the product's own slot is meant. */
export const productLog = -1;

const entriesPerMove = 100;
const lotsPerTurn = 20;
/** Relayed entries of a log stay for this long. */
const logKeptMs = 60_000;
const trimEveryMs = 10_000;
const beginning = "0-0";

export type JournalDeps = ProductStoreDeps & {
  readonly shardCount: number;
  /** Time that never leaps, in milliseconds. */
  readonly monotonicMs: () => number;
};

/** An event that concerns no device's record: its fields stand in the line as they are (contract 8). */
export type ProductEvent = {
  readonly type: string;
  readonly seq: number;
  readonly actor: Actor;
  readonly [field: string]: unknown;
};

export type RedisJournal = Journal & {
  /** Moves all there is of all products; how many entries were moved. */
  readonly relayAll: () => Promise<number>;
  /** Writes events into the product's own log, from where they are relayed like all others. */
  readonly append: (productId: string, events: readonly ProductEvent[]) => Promise<void>;
  /** Trims logs that nobody writes to any more. */
  readonly trimAll: () => Promise<void>;
};

type SeenHead = JournalHead & { readonly position: string };

type Source = {
  readonly productId: string;
  readonly shard: number;
  readonly log: string;
  /** The shard's list of products with lines; the product's own log has none. */
  readonly marks?: string;
  /** Field of the head in which the source's position stands. */
  readonly field: string;
};

/**
 * The journal of each product, one stream fed from the logs of all shards and of the product's own slot. A log and
 * the journal may be in different slots of a cluster; so the journal's slot keeps how far each log was taken over,
 * and one script moves lines, head and position together, if they are still what this relay saw. Any number of relays
 * may run, and each may die at any point: a line is moved exactly once, in the order of its log.
 */
export function makeJournal(deps: JournalDeps): RedisJournal {
  const { redis, monotonicMs } = deps;
  const shards = allShardKeys(deps.shardCount);
  const trimmedAt = new Map<string, number>();
  const reads = makeJournalReads(deps);

  function sourceOf(productId: string, shard: number): Source {
    const keys = shards[shard];
    if (keys === undefined) return { productId, shard, log: productKeys.log(productId), field: "pos:p" };
    return { productId, shard, log: keys.log(productId), marks: keys.logs, field: `pos:${shard}` };
  }

  async function headOf({ productId, field }: Source): Promise<SeenHead> {
    const key = productKeys.journalHead(productId);
    const [number, digest, position] = await withStoreErrors(() => redis.hmget(key, "n", "digest", field));
    return { number: Number(number ?? 0), digest: digest ?? "", position: position ?? beginning };
  }

  /** One lot: how many entries were moved and the head then, or nothing when another relay was quicker. */
  async function move(
    source: Source,
    head: SeenHead,
  ): Promise<{ moved: number; head: SeenHead } | undefined> {
    const rows = await withStoreErrors(() =>
      redis.xrange(source.log, `(${head.position}`, "+", "COUNT", entriesPerMove),
    );
    const entries = rows.map(readEntry);
    const last = entries.at(-1);
    if (last === undefined) {
      await settle(source, head.position);
      return { moved: 0, head };
    }
    const lot = lotOf(source.productId, entries, head);
    const [outcome] = await runProductScript(
      deps,
      appendToJournal,
      [productKeys.journal(source.productId), productKeys.journalHead(source.productId)],
      [
        source.field,
        head.position,
        last.position,
        head.number,
        head.digest,
        lot.head.number,
        lot.head.digest,
        lot.text,
      ],
    );
    if (outcome !== "moved") return undefined;
    return { moved: entries.length, head: { ...lot.head, position: last.position } };
  }

  /** Nothing new: the log may be trimmed, and need not be looked at until it is written to again. */
  async function settle(source: Source, position: string): Promise<void> {
    if (position === beginning) return;
    const now = monotonicMs();
    if (now - (trimmedAt.get(source.log) ?? Number.NEGATIVE_INFINITY) >= trimEveryMs) {
      trimmedAt.set(source.log, now);
      await runProductScript(deps, trimLog, [source.log], [position, logKeptMs]);
    }
    if (source.marks !== undefined) {
      await runProductScript(deps, forgetLog, [source.marks, source.log], [source.productId, position]);
    }
  }

  /** Moves up to so many lots; what is left waits until the others had their turn. */
  async function relaySource(source: Source, lotsMax: number): Promise<number> {
    let head = await headOf(source);
    let sum = 0;
    for (let lots = 0; lots < lotsMax; ) {
      const lot = await move(source, head);
      if (lot === undefined) {
        head = await headOf(source);
        continue;
      }
      if (lot.moved === 0) return sum;
      sum += lot.moved;
      head = lot.head;
      lots += 1;
    }
    return sum;
  }

  async function relayRound(): Promise<number> {
    let sum = 0;
    // One after the other: sources of one product would only lose against each other's head.
    for (const source of await pendingSources()) sum += await relaySource(source, lotsPerTurn);
    return sum;
  }

  async function shardSources(): Promise<Source[]> {
    const marked = await withStoreErrors(() => Promise.all(shards.map(({ logs }) => redis.smembers(logs))));
    return marked.flatMap((productIds, shard) => productIds.map((productId) => sourceOf(productId, shard)));
  }

  async function productSources(): Promise<Source[]> {
    const ids = await withStoreErrors(() => redis.zrange(productIdsKey, "0", "-1"));
    return [...new Set([defaultProductId, ...ids])].map((productId) => sourceOf(productId, productLog));
  }

  async function pendingSources(): Promise<Source[]> {
    return [...(await shardSources()), ...(await productSources())];
  }

  return {
    relay: (productId, shard) => relaySource(sourceOf(productId, shard), 1),

    async relayAll() {
      let sum = 0;
      for (;;) {
        const moved = await relayRound();
        sum += moved;
        if (moved === 0) return sum;
      }
    },

    ...reads,

    async read(productId, after, limit) {
      const texts = await reads.texts(productId, Number(after ?? 0), limit);
      return texts.map((text) => JSON.parse(text) as JournalLine);
    },

    async backlog() {
      const counts = await Promise.all(
        (await pendingSources()).map(async (source) => {
          const { position } = await headOf(source);
          return Number((await runProductScript(deps, countBeyond, [source.log], [position]))[0]);
        }),
      );
      return counts.reduce((sum, count) => sum + count, 0);
    },

    async append(productId, events) {
      const args = events.flatMap(({ seq, ...event }) => [seq, JSON.stringify(event)]);
      if (args.length > 0) await runProductScript(deps, appendToLog, [productKeys.log(productId)], args);
    },

    async trimAll() {
      for (const { productId } of await productSources()) {
        for (let shard = productLog; shard < shards.length; shard++) {
          const source = sourceOf(productId, shard);
          const { position } = await headOf(source);
          if (position !== beginning) {
            await runProductScript(deps, trimLog, [source.log], [position, logKeptMs]);
          }
        }
      }
    },
  };
}

function readEntry([position, cells]: readonly [string, readonly string[]]): LogEntry {
  const fields = new Map<string, string>();
  for (let at = 0; at + 1 < cells.length; at += 2) fields.set(cells[at] ?? "", cells[at + 1] ?? "");
  return { position, fields };
}
