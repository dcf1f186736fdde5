import type { JournalLine } from "../../usecases/ports.ts";
import { withStoreErrors } from "./connection.ts";
import { readLot } from "./journal-lines.ts";
import { productKeys } from "./product-keys.ts";
import type { RedisConnection } from "./scripts.ts";

/** A lot may have some 100 KiB. */
const lotsPerRead = 20;

export type JournalReads = {
  /** Exact texts of the lines after a number, oldest first. */
  readonly texts: (productId: string, after: number, limit: number) => Promise<string[]>;
  /** Exact texts of the lines before a number, newest first. */
  readonly textsBefore: (productId: string, before: number, limit: number) => Promise<string[]>;
  /** Number of the newest line; 0 when there is none. */
  readonly newest: (productId: string) => Promise<number>;
  /** Number of the oldest line in the store; 0 when there is none. */
  readonly oldest: (productId: string) => Promise<number>;
};

/** What is read of the journals in the store. */
export function makeJournalReads({ redis }: { readonly redis: RedisConnection }): JournalReads {
  /** Lots are read until there are lines enough. */
  async function texts(productId: string, after: number, limit: number): Promise<string[]> {
    const found: string[] = [];
    let from = after;
    while (found.length < limit) {
      const rows = await withStoreErrors(() =>
        redis.xrange(productKeys.journal(productId), `(${from}-0`, "+", "COUNT", lotsPerRead),
      );
      for (const [id, fields] of rows) {
        from = Number.parseInt(id, 10);
        for (const text of readLot(fields[1] ?? "", from, after)) found.push(text);
        if (found.length >= limit) break;
      }
      if (rows.length < lotsPerRead) break;
    }
    return found.slice(0, limit);
  }

  async function textsBefore(productId: string, before: number, limit: number): Promise<string[]> {
    const found: string[] = [];
    // The line before is in the first lot that ends at it or beyond.
    const [first] = await withStoreErrors(() =>
      redis.xrange(productKeys.journal(productId), `${before - 1}-0`, "+", "COUNT", 1),
    );
    let to = first?.[0] ?? "+";
    while (found.length < limit && before > 1) {
      const rows = await withStoreErrors(() =>
        redis.xrevrange(productKeys.journal(productId), to, "-", "COUNT", lotsPerRead),
      );
      for (const [id, fields] of rows) {
        const last = Number.parseInt(id, 10);
        const lot = readLot(fields[1] ?? "", last, 0);
        found.push(...lot.slice(0, Math.max(0, lot.length - Math.max(0, last - before + 1))).reverse());
        to = `(${id}`;
      }
      if (rows.length < lotsPerRead) break;
    }
    return found.slice(0, limit);
  }

  return {
    texts,
    textsBefore,
    newest: async (productId) =>
      Number((await withStoreErrors(() => redis.hget(productKeys.journalHead(productId), "n"))) ?? 0),
    async oldest(productId) {
      const [oldest] = await texts(productId, 0, 1);
      return oldest === undefined ? 0 : Number((JSON.parse(oldest) as JournalLine).id);
    },
  };
}
