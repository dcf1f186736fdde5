import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The kernel's limit is 107 bytes; a socket in a deep project folder would exceed it. */
const socketPathMaxBytes = 100;

/** A short path for a socket in a private folder of the system's temporary one. */
export function makeSocketPath(): string {
  const folder = Buffer.byteLength(tmpdir()) > socketPathMaxBytes - 30 ? "/tmp" : tmpdir();
  return join(mkdtempSync(join(folder, "otau-")), "redis.sock");
}
