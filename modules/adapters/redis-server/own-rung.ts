import { mkdirSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Logger } from "../../logger.ts";
import { type DataLock, lockData } from "./data-lock.ts";
import { type ServerProgram, serverEnv } from "./find-server.mjs";
import { settleLeftover } from "./leftover.ts";
import { askSocket } from "./probe.ts";
import { type SupervisedServer, superviseServer } from "./server-process.ts";
import { makeSocketPath } from "./socket-path.ts";
import type { FsyncPolicy, Store } from "./store.ts";

/** What the rung of our own is opened with. */
export type OwnRungOptions = {
  readonly dataDir: string;
  readonly durability: FsyncPolicy;
  readonly program: ServerProgram;
};

/** Folder of the server's files below the data directory. */
export const ownDataDir = (dataDir: string): string => resolve(dataDir, "redis");

function serverArgs(folder: string, socketPath: string, durability: FsyncPolicy): readonly string[] {
  return [
    ...["--port", "0", "--unixsocket", socketPath, "--unixsocketperm", "700"],
    ...["--dir", folder, "--save", "", "--appendonly", "yes", "--appendfsync", durability],
    // Evicting would forget devices; a full memory must refuse writes instead.
    ...["--maxmemory-policy", "noeviction", "--databases", "64"],
    ...["--daemonize", "no", "--loglevel", "warning"],
  ];
}

/**
 * Opens the rung: a server of our own as a child on a unix socket, its data below the data directory.
 *
 * @throws StartupError when another process holds the data directory or the server does not start.
 */
export async function openOwnRung(options: OwnRungOptions, log: Logger): Promise<Store> {
  const lock = await lockData(options.dataDir);
  try {
    return await openLocked(options, lock, log);
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function openLocked(options: OwnRungOptions, lock: DataLock, log: Logger): Promise<Store> {
  const { durability, program } = options;
  const folder = ownDataDir(options.dataDir);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const orphan = await settleLeftover(lock.leftover, "own", log);
  const socketPath = orphan?.socketPath ?? makeSocketPath();
  lock.note({ rung: "own", socketPath, process: orphan?.identity });
  const command = {
    command: program.command,
    args: serverArgs(folder, socketPath, durability),
    // Nothing of our own environment: it holds secrets that the server does not need.
    env: serverEnv(program, {}),
    socketPath,
    logPath: join(folder, "server.log"),
    // An orphan keeps the data safe until the next start adopts it.
    hasParentPipe: false,
  };
  const server = await superviseServer(command, {
    adopt: orphan?.identity,
    onLife: (process) => lock.note({ rung: "own", socketPath, process }),
    log,
  }).catch((error: unknown) => {
    rmSync(dirname(socketPath), { recursive: true, force: true });
    throw error;
  });
  if (orphan !== undefined) {
    log.warn({ pid: orphan.identity.pid }, "store process of a killed predecessor is adopted");
    await askSocket(socketPath, `CONFIG SET appendfsync ${durability}`, 2000);
  }
  return makeStore(options, { folder, socketPath, server, lock });
}

function makeStore(
  { durability, program }: OwnRungOptions,
  parts: {
    readonly folder: string;
    readonly socketPath: string;
    readonly server: SupervisedServer;
    readonly lock: DataLock;
  },
): Store {
  const { folder, socketPath, server, lock } = parts;
  return {
    rung: "own",
    address: { kind: "socket", socketPath },
    durability,
    describe: () => `a ${program.name} of its own, data in ${folder}, appendfsync ${durability}`,
    isUp: server.isUp,
    onExit: server.onExit,
    close: async () => {
      await server.stop();
      rmSync(dirname(socketPath), { recursive: true, force: true });
      lock.release();
    },
  };
}
