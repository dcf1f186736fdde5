import { createHash, randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { OtauError } from "../../errors.ts";
import type { BlobStore } from "../../usecases/ports.ts";

const sha256Pattern = /^[0-9a-f]{64}$/;
const incomingFolder = "incoming";
/** A temporary file of this age belongs to a process that died while it wrote. */
const abandonedAfterMs = 86_400_000;

export type DiskBlobsOptions = {
  /** Folder of the blobs; made when it is missing. */
  readonly folder: string;
};

/**
 * Content bytes on disk: `<folder>/ab/cdef…` by SHA-256, so equal bytes are stored once. A blob is there whole or
 * not at all, also after a power cut. Blobs that no item refers to any more stay: removing them safely needs to
 * know of uploads under way, and disk is cheap beside a package that is gone.
 */
export async function openDiskBlobs({ folder }: DiskBlobsOptions): Promise<BlobStore> {
  const incoming = join(folder, incomingFolder);
  await mkdir(incoming, { recursive: true });
  await removeAbandoned(incoming);

  const fileOf = (sha256: string) => ({
    parent: join(folder, sha256.slice(0, 2)),
    path: join(folder, sha256.slice(0, 2), sha256.slice(2)),
  });

  async function place(temporaryPath: string, sha256: string): Promise<void> {
    const { parent, path } = fileOf(sha256);
    await mkdir(parent, { recursive: true });
    await rename(temporaryPath, path);
    // The rename and the new folder are entries of their folders: without this a power cut may undo them.
    await syncFolder(parent);
    await syncFolder(folder);
  }

  return {
    async write(bytes, options = {}) {
      const temporaryPath = join(incoming, randomUUID());
      try {
        const written = await writeSynced(temporaryPath, bytes, options.maxBytes);
        await place(temporaryPath, written.sha256);
        return written;
      } catch (error) {
        await rm(temporaryPath, { force: true });
        throw error;
      }
    },

    async read(sha256, range) {
      if (!sha256Pattern.test(sha256)) return undefined;
      const file = await openIfThere(fileOf(sha256).path);
      return file?.createReadStream(range ?? {});
    },
  };
}

async function writeSynced(
  path: string,
  bytes: Readable,
  maxBytes: number | undefined,
): Promise<{ sha256: string; length: number }> {
  // A stream may break before its first piece is asked for; the loop below reports it.
  bytes.on("error", () => undefined);
  const hash = createHash("sha256");
  let length = 0;
  const file = await open(path, "wx", 0o600);
  try {
    for await (const piece of bytes) {
      const chunk = Buffer.isBuffer(piece) ? piece : Buffer.from(piece);
      length += chunk.length;
      if (maxBytes !== undefined && length > maxBytes) {
        throw new OtauError("TOO_LARGE", `The content is larger than ${maxBytes} bytes.`);
      }
      hash.update(chunk);
      await writeWhole(file, chunk);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return { sha256: hash.digest("hex"), length };
}

/** A single write may take only a part, as on a disk that is nearly full. */
async function writeWhole(file: FileHandle, chunk: Buffer): Promise<void> {
  let done = 0;
  while (done < chunk.length) {
    const { bytesWritten } = await file.write(chunk, done, chunk.length - done);
    done += bytesWritten;
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, "r");
  } catch (error) {
    if (isCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function removeAbandoned(incoming: string): Promise<void> {
  for (const name of await readdir(incoming)) {
    const path = join(incoming, name);
    // Another process may finish or remove it at this moment.
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && Date.now() - found.mtimeMs > abandonedAfterMs) await rm(path, { force: true });
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
