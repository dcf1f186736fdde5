import { mkdir, open, readdir, readFile, rename, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { ChainPoint } from "../../otau/journal-chain.ts";

/** A file of old lines: those after `first - 1` up to `last`. */
export type JournalFile = { readonly name: string; readonly first: number; readonly last: number };

/** What a file holds: the point at which it takes up the chain, and its lines. */
export type FileContent = { readonly begin: ChainPoint; readonly texts: readonly string[] };

export type JournalFiles = {
  readonly list: (productId: string) => Promise<JournalFile[]>;
  /** The last one read is kept in memory; `fresh` = as it is on the disk now. */
  readonly read: (
    productId: string,
    file: JournalFile,
    options?: { readonly fresh?: boolean },
  ) => Promise<FileContent>;
  /** Stored on return. */
  readonly write: (productId: string, begin: ChainPoint, texts: readonly string[]) => Promise<void>;
  readonly remove: (productId: string, file: JournalFile) => Promise<void>;
  readonly modifiedAt: (productId: string, file: JournalFile) => Promise<number>;
};

const namePattern = /^(\d{16})-(\d{16})\.ndjson$/;
const padded = (number: number) => String(number).padStart(16, "0");
const isMissing = (error: unknown) => error instanceof Error && "code" in error && error.code === "ENOENT";

/**
 * Old journal lines as NDJSON in `<folder>/<product>/<first>-<last>.ndjson`. The first row of a file says after which
 * line it begins and what the digest was there.
 */
export function makeJournalFiles(folder: string): JournalFiles {
  const folderOf = (productId: string) => join(folder, productId);
  let last: { readonly path: string; readonly content: FileContent } | undefined;

  async function syncFolder(path: string): Promise<void> {
    const handle = await open(path, "r");
    await handle.sync().finally(() => handle.close());
  }

  return {
    async list(productId) {
      const names = await readdir(folderOf(productId)).catch((error: unknown) => {
        if (isMissing(error)) return [];
        throw error;
      });
      return names.sort().flatMap((name) => {
        const parts = namePattern.exec(name);
        return parts === null ? [] : [{ name, first: Number(parts[1]), last: Number(parts[2]) }];
      });
    },

    async read(productId, { name }, { fresh = false } = {}) {
      const path = join(folderOf(productId), name);
      if (last?.path === path && !fresh) return last.content;
      const [head = "", ...rows] = (await readFile(path, "utf8")).split("\n");
      // The last row ends in a line break too.
      if (rows.at(-1) === "") rows.pop();
      const content = { begin: readHead(head), texts: rows };
      last = { path, content };
      return content;
    },

    async write(productId, begin, texts) {
      const target = folderOf(productId);
      await mkdir(target, { recursive: true });
      const name = `${padded(begin.number + 1)}-${padded(begin.number + texts.length)}.ndjson`;
      const temporary = join(target, `${name}.part`);
      const handle = await open(temporary, "w", 0o600);
      try {
        await handle.writeFile(
          `${[JSON.stringify({ journal: productId, after: begin }), ...texts].join("\n")}\n`,
        );
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(temporary, join(target, name));
      await syncFolder(target);
    },

    async remove(productId, { name }) {
      last = undefined;
      await unlink(join(folderOf(productId), name)).catch((error: unknown) => {
        if (!isMissing(error)) throw error;
      });
    },

    modifiedAt: async (productId, { name }) => (await stat(join(folderOf(productId), name))).mtimeMs,
  };
}

/** A spoilt head is no place to begin; whoever checks the chain sees it. */
function readHead(text: string): ChainPoint {
  try {
    const { after } = JSON.parse(text) as { readonly after: ChainPoint };
    return { number: Number(after.number), digest: String(after.digest) };
  } catch {
    return { number: -1, digest: "" };
  }
}
