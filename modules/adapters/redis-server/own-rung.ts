import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "../../logger.ts";
import { type DataLock, type Leftover, lockData } from "./data-lock.ts";
import { type ServerProgram, serverEnv } from "./find-server.mjs";
import { askSocket, pingSocket, serverPid } from "./probe.ts";
import { identifyProcess, isRunning, type ProcessIdentity } from "./process-identity.ts";
import { endForeignProcess, type SupervisedServer, superviseServer } from "./server-process.ts";
import type { FsyncPolicy, Store } from "./store.ts";

/** The kernel's limit is 107 bytes; a socket in a deep project folder would exceed it. */
const socketPathMaxBytes = 100;

/** A short path for a socket in a private folder of the system's temporary one. */
export function makeSocketPath(): string {
  const folder = Buffer.byteLength(tmpdir()) > socketPathMaxBytes - 30 ? "/tmp" : tmpdir();
  return join(mkdtempSync(join(folder, "otau-")), "redis.sock");
}

function serverArgs(dataDir: string, socketPath: string, durability: FsyncPolicy): readonly string[] {
  return [
    ...["--port", "0", "--unixsocket", socketPath, "--unixsocketperm", "700"],
    ...["--dir", dataDir, "--save", "", "--appendonly", "yes", "--appendfsync", durability],
    // Evicting would forget devices; a full memory must refuse writes instead.
    ...["--maxmemory-policy", "noeviction", "--databases", "64"],
    ...["--daemonize", "no", "--loglevel", "warning"],
  ];
}

type Orphan = { readonly socketPath: string; readonly identity: ProcessIdentity };

/**
 * The server that a killed predecessor left running, if it still answers. One that runs but does not answer is ended
 * first: nothing else may touch the files while it lives.
 */
async function findOrphan(leftover: Leftover | undefined, log: Logger): Promise<Orphan | undefined> {
  if (leftover?.socketPath === undefined) return undefined;
  const { socketPath, server } = leftover;
  // Its parent may have died within the milliseconds between the spawn and the first answer.
  for (let tries = 0; tries < 10; tries += 1) {
    if ((await pingSocket(socketPath)) !== "silent") break;
    await sleep(50);
  }
  const pid = await serverPid(socketPath);
  const answering = pid === undefined ? undefined : identifyProcess(pid);
  if (answering !== undefined) return { socketPath, identity: answering };
  if (server !== undefined && isRunning(server)) await endForeignProcess(server, log);
  rmSync(dirname(socketPath), { recursive: true, force: true });
  return undefined;
}

/** Opens the rung: a server of our own as a child on a unix socket, its data below the data directory. */
export async function openOwnRung(
  options: { readonly dataDir: string; readonly durability: FsyncPolicy; readonly program: ServerProgram },
  log: Logger,
): Promise<Store> {
  const dataDir = resolve(options.dataDir, "redis");
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const lock = await lockData(join(dataDir, "otau.lock"));
  try {
    return await openLocked({ ...options, dataDir }, lock, log);
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function openLocked(
  options: { readonly dataDir: string; readonly durability: FsyncPolicy; readonly program: ServerProgram },
  lock: DataLock,
  log: Logger,
): Promise<Store> {
  const { dataDir, durability, program } = options;
  const orphan = await findOrphan(lock.leftover, log);
  const socketPath = orphan?.socketPath ?? makeSocketPath();
  lock.note({ socketPath });
  const command = {
    command: program.command,
    args: serverArgs(dataDir, socketPath, durability),
    // Nothing of our own environment: it holds secrets that the server does not need.
    env: serverEnv(program, {}),
    socketPath,
    logPath: join(dataDir, "server.log"),
  };
  const server = await superviseServer(command, {
    adopt: orphan?.identity,
    onLife: (identity) => lock.note({ socketPath, server: identity }),
    log,
  }).catch((error: unknown) => {
    rmSync(dirname(socketPath), { recursive: true, force: true });
    throw error;
  });
  if (orphan !== undefined) {
    log.warn({ pid: orphan.identity.pid }, "store process of a killed predecessor is adopted");
    await askSocket(socketPath, `CONFIG SET appendfsync ${durability}`, 2000);
  }
  return makeStore({ ...options, socketPath, server, lock });
}

function makeStore(parts: {
  readonly dataDir: string;
  readonly durability: FsyncPolicy;
  readonly program: ServerProgram;
  readonly socketPath: string;
  readonly server: SupervisedServer;
  readonly lock: DataLock;
}): Store {
  const { dataDir, durability, program, socketPath, server, lock } = parts;
  return {
    rung: "own",
    address: { kind: "socket", socketPath },
    durability,
    describe: () => `a ${program.name} of its own, data in ${dataDir}, appendfsync ${durability}`,
    isUp: server.isUp,
    onExit: server.onExit,
    close: async () => {
      await server.stop();
      rmSync(dirname(socketPath), { recursive: true, force: true });
      lock.release();
    },
  };
}
