import { createHash } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { deserialize, serialize } from "node:v8";
import type { RedisDatabase } from "js-redis-server/core";

type Entry = ReturnType<RedisDatabase["entriesSnapshot"]>[number];

/** Everything the trial server holds at one moment: values as bytes, expiry times absolute, streams with their groups. */
export type SnapshotContent = {
  readonly savedAt: number;
  readonly databases: readonly { readonly id: number; readonly entries: readonly Entry[] }[];
};

/** The file does not hold what was written: cut off, changed, or of another kind. */
export class DamagedSnapshotError extends Error {
  override readonly name = "DamagedSnapshotError";
}

const magic = Buffer.from("OTAU-SNAPSHOT-1\n");
const digestBytes = 32;

const digestOf = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest();

function writeSynced(path: string, parts: readonly Uint8Array[]): void {
  const fd = openSync(path, "w", 0o600);
  try {
    for (const part of parts) {
      for (let written = 0; written < part.length; ) written += writeSync(fd, part, written);
    }
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** The rename itself is durable only once the folder is written. */
function syncFolder(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Writes a snapshot whole or not at all: aside first, onto the disk, then in the place of the older one. */
export function writeSnapshot(path: string, content: SnapshotContent): void {
  const body = serialize(content);
  const asidePath = `${path}.new`;
  try {
    writeSynced(asidePath, [magic, digestOf(body), body]);
    renameSync(asidePath, path);
  } catch (error) {
    rmSync(asidePath, { force: true });
    throw error;
  }
  syncFolder(dirname(path));
}

/**
 * Reads a snapshot; undefined where there is none yet.
 *
 * @throws DamagedSnapshotError when the bytes are not those that were written.
 */
export function readSnapshot(path: string): SnapshotContent | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const body = bytes.subarray(magic.length + digestBytes);
  if (!bytes.subarray(0, magic.length).equals(magic)) throw new DamagedSnapshotError("it is no snapshot");
  if (!bytes.subarray(magic.length, magic.length + digestBytes).equals(digestOf(body))) {
    throw new DamagedSnapshotError("its checksum does not match");
  }
  return deserialize(body) as SnapshotContent;
}
