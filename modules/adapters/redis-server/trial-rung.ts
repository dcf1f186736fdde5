import { existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Logger } from "../../logger.ts";
import { StartupError } from "../../startup-error.ts";
import { type DataLock, lockData } from "./data-lock.ts";
import { settleLeftover } from "./leftover.ts";
import { superviseServer } from "./server-process.ts";
import { DamagedSnapshotError, readSnapshot } from "./snapshot.ts";
import { makeSocketPath } from "./socket-path.ts";
import type { Store } from "./store.ts";

const announcement =
  "the bundled store, for trial only, the last seconds may be lost; for real use set REDIS_URL or install redis-server";

function checkSnapshot(path: string): void {
  try {
    readSnapshot(path);
  } catch (error) {
    if (!(error instanceof DamagedSnapshotError)) throw error;
    throw new StartupError(
      `the trial store's snapshot ${path} is damaged (${error.message}): put a copy of it back, or move it away to begin empty`,
      { cause: error },
    );
  }
}

/**
 * Opens the rung of last resort: a server written in JavaScript, in a process of its own, with snapshots.
 *
 * @throws StartupError when another process holds the data directory or the snapshot is damaged.
 */
export async function openTrialRung(options: { readonly dataDir: string }, log: Logger): Promise<Store> {
  const lock = await lockData(options.dataDir);
  try {
    return await openLocked(resolve(options.dataDir, "trial"), lock, log);
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function openLocked(folder: string, lock: DataLock, log: Logger): Promise<Store> {
  await settleLeftover(lock.leftover, "trial", log);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const snapshotPath = join(folder, "snapshot");
  checkSnapshot(snapshotPath);
  const socketPath = makeSocketPath();
  lock.note({ rung: "trial", socketPath });
  const command = {
    command: process.execPath,
    args: [join(import.meta.dirname, "trial-server.ts"), socketPath, snapshotPath],
    env: {},
    socketPath,
    logPath: join(folder, "server.log"),
    hasParentPipe: true,
  };
  const server = await superviseServer(command, {
    onLife: (identity) => lock.note({ rung: "trial", socketPath, process: identity }),
    log,
  }).catch((error: unknown) => {
    rmSync(dirname(socketPath), { recursive: true, force: true });
    throw error;
  });
  log.warn({ snapshotPath, hasData: existsSync(snapshotPath) }, announcement);
  return {
    rung: "trial",
    address: { kind: "socket", socketPath },
    durability: "snapshots",
    describe: () => announcement,
    isUp: server.isUp,
    onExit: server.onExit,
    close: async () => {
      await server.stop();
      rmSync(dirname(socketPath), { recursive: true, force: true });
      lock.release();
    },
  };
}
