import { readFileSync, unwatchFile, watchFile } from "node:fs";
import { createSecureContext } from "node:tls";
import type { TlsMaterial } from "./config.ts";
import type { Logger } from "./logger.ts";

// Looked at by time: certificate tools replace files by renaming, and mounted secrets by turning a link.
const lookEveryMs = 1000;

export type RenewTlsOptions = {
  readonly tls: TlsMaterial;
  /** Takes the new pair for all connections from here on; those that are open stay. */
  readonly apply: (pair: Pick<TlsMaterial, "cert" | "key">) => void;
  readonly log: Logger;
  readonly lookEveryMs?: number;
};

/**
 * Takes up a renewed certificate without a restart: when one of its files changes, both are read, and used if they
 * fit together; until then the old pair serves on. Answers how to stop looking.
 */
export function renewTls({
  tls,
  apply,
  log,
  lookEveryMs: interval = lookEveryMs,
}: RenewTlsOptions): () => void {
  const paths = Object.values(tls.files);
  let used = `${tls.cert}\n${tls.key}`;
  const reread = (): void => {
    try {
      const pair = {
        cert: tls.files.cert === undefined ? tls.cert : readFileSync(tls.files.cert, "utf8"),
        key: tls.files.key === undefined ? tls.key : readFileSync(tls.files.key, "utf8"),
      };
      if (`${pair.cert}\n${pair.key}` === used) return;
      // Throws for a pair that does not fit: one file may be a moment older than the other.
      createSecureContext(pair);
      apply(pair);
      used = `${pair.cert}\n${pair.key}`;
      log.info("the device certificate was renewed");
    } catch (error) {
      log.warn({ err: error }, "the changed device certificate cannot be used; the one before serves on");
    }
  };
  for (const path of paths) watchFile(path, { interval, persistent: false }, reread);
  return () => {
    for (const path of paths) unwatchFile(path, reread);
  };
}
