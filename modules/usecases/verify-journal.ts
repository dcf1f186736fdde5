import type { JournalArchive, JournalRow } from "./ports.ts";

/**
 * The whole journal as NDJSON, for whoever checks its chain: lines as their exact texts, and between them rows
 * `{ "begin" | "point" | "end": { number, digest } }` that the chain must pass through.
 */
export async function* exportJournal(
  archive: Pick<JournalArchive, "rows">,
  productId: string,
): AsyncGenerator<string> {
  let chunk = "";
  for await (const row of archive.rows(productId)) {
    chunk += `${rowText(row)}\n`;
    if (chunk.length < chunkLength) continue;
    yield chunk;
    chunk = "";
  }
  yield chunk;
}

const chunkLength = 64 * 1024;

const rowText = (row: JournalRow): string =>
  row.kind === "line" ? row.text : JSON.stringify({ [row.kind]: row.point });

/** Moves old lines into files, and deletes those that are kept long enough and no webhook needs. */
export function makeKeepJournals(deps: {
  readonly archive: Pick<JournalArchive, "archive" | "retain">;
  readonly leases: {
    acquire(name: string, holder: string, ttlMs: number): Promise<unknown>;
    release(name: string, holder: string): Promise<void>;
  };
  readonly webhooks: {
    list(productId: string): Promise<readonly { readonly id: string }[]>;
    progress(productId: string, id: string): Promise<{ readonly position: number }>;
  };
  readonly holder: string;
  readonly now: () => number;
}) {
  const { archive, leases, webhooks, holder } = deps;

  async function neededFrom(productId: string): Promise<number> {
    const hooks = await webhooks.list(productId);
    const positions = await Promise.all(hooks.map(({ id }) => webhooks.progress(productId, id)));
    return Math.min(...positions.map(({ position }) => position + 1), Number.MAX_SAFE_INTEGER);
  }

  return async (productIds: readonly string[]): Promise<void> => {
    for (const productId of productIds) {
      const lease = `journal/${productId}`;
      if ((await leases.acquire(lease, holder, leaseMs)) === undefined) continue;
      try {
        await archive.archive(productId);
        await archive.retain(productId, await neededFrom(productId), deps.now());
      } finally {
        await leases.release(lease, holder);
      }
    }
  };
}

/** Longer than the writing of a file takes. */
const leaseMs = 120_000;
