import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "../../logger.ts";
import { StartupError } from "../../startup-error.ts";
import { pingSocket } from "./probe.ts";
import { identifyProcess, isRunning, type ProcessIdentity } from "./process-identity.ts";
import type { ServerExit } from "./store.ts";

/** How to start a server that listens on a unix socket. */
export type ServerCommand = {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly socketPath: string;
  /** What the server prints; kept beside its data. */
  readonly logPath: string;
  /** A pipe on its input, whose end tells it that its parent died. Without it the server outlives the parent. */
  readonly hasParentPipe: boolean;
};

/** A server process that is kept alive until it is stopped. */
export type SupervisedServer = {
  readonly isUp: () => boolean;
  readonly onExit: (listener: (exit: ServerExit) => void) => void;
  /** SIGTERM, then waits until the process has gone; a server writes its last bytes there. */
  readonly stop: () => Promise<void>;
};

const firstRestartMs = 100;
const lastRestartMs = 5_000;
const stopLimitMs = 20_000;

/** One life of the process, spawned or adopted. */
type Life = { readonly identity: ProcessIdentity; readonly ended: Promise<ServerExit> };

function spawnLife(server: ServerCommand): Life {
  const logFd = openSync(server.logPath, "a", 0o600);
  try {
    // Detached: Ctrl-C in a terminal reaches the whole group, and the server must outlive the draining.
    const child = spawn(server.command, server.args, {
      env: server.env,
      stdio: [server.hasParentPipe ? "pipe" : "ignore", logFd, logFd],
      detached: true,
    });
    child.unref();
    // Its error would come with the exit, which is heard anyway.
    child.stdin?.on("error", () => undefined);
    return { identity: identityOf(child), ended: endOf(child) };
  } finally {
    closeSync(logFd);
  }
}

const identityOf = (child: ChildProcess): ProcessIdentity =>
  (child.pid === undefined ? undefined : identifyProcess(child.pid)) ?? {
    pid: child.pid ?? -1,
    startedAt: "",
  };

const endOf = (child: ChildProcess): Promise<ServerExit> =>
  new Promise((resolve) => {
    child.once("error", () => resolve({ code: null, signal: null }));
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });

/** A process that is no child of ours sends no event when it ends, so it is watched. */
function adoptLife(identity: ProcessIdentity): Life {
  const ended = new Promise<ServerExit>((resolve) => {
    const watch = setInterval(() => {
      if (isRunning(identity)) return;
      clearInterval(watch);
      resolve({ code: null, signal: null });
    }, 200);
    watch.unref();
  });
  return { identity, ended };
}

function lastLine(logPath: string): string {
  try {
    return readFileSync(logPath, "utf8").trimEnd().split("\n").at(-1) ?? "";
  } catch {
    return "";
  }
}

/** Waits for a PONG. There is no limit while the server reads its file: a long file takes its time. */
async function waitUntilAnswering(
  socketPath: string,
  life: Life,
  log: Logger,
): Promise<"answers" | ServerExit> {
  let exit: ServerExit | undefined;
  void life.ended.then((end) => {
    exit = end;
  });
  for (let tries = 1; ; tries += 1) {
    const answer = await pingSocket(socketPath);
    if (answer === "pong") return "answers";
    if (exit !== undefined) return exit;
    if (answer === "loading" && tries % 100 === 0)
      log.info({ socketPath }, "store is still reading its file");
    await sleep(Math.min(10 * tries, 100));
  }
}

async function endProcess(life: Life, log: Logger): Promise<void> {
  signal(life.identity, "SIGTERM");
  const timer = new AbortController();
  const outcome = await Promise.race([
    life.ended,
    sleep(stopLimitMs, "late" as const, { signal: timer.signal }),
  ]);
  timer.abort();
  if (outcome !== "late") return;
  log.error({ pid: life.identity.pid }, "store process does not end, it is killed");
  signal(life.identity, "SIGKILL");
  await life.ended;
}

function signal(identity: ProcessIdentity, name: "SIGTERM" | "SIGKILL"): void {
  if (!isRunning(identity)) return;
  try {
    process.kill(identity.pid, name);
  } catch {
    // It ended in between.
  }
}

/** Ends a process that is no child of ours and waits for it. */
export const endForeignProcess = (identity: ProcessIdentity, log: Logger): Promise<void> =>
  endProcess(adoptLife(identity), log);

/**
 * Starts a server, or adopts one that runs already, and keeps exactly one alive: when it ends unasked it is started
 * again after a pause that doubles, never two at once. `onLife` hears of every process before anybody may use it.
 *
 * @throws StartupError when the first process ends before it answers; the server's last line is in the message.
 */
export async function superviseServer(
  server: ServerCommand,
  options: {
    readonly adopt?: ProcessIdentity | undefined;
    readonly onLife: (identity: ProcessIdentity) => void;
    readonly log: Logger;
  },
): Promise<SupervisedServer> {
  const { log, onLife } = options;
  const listeners: ((exit: ServerExit) => void)[] = [];
  const stopping = new AbortController();
  let isUp = false;

  const begin = (adopt: ProcessIdentity | undefined): Life => {
    const life = adopt === undefined ? spawnLife(server) : adoptLife(adopt);
    onLife(life.identity);
    return life;
  };

  const first = begin(options.adopt);
  const firstAnswer = await waitUntilAnswering(server.socketPath, first, log);
  if (firstAnswer !== "answers") {
    throw new StartupError(
      `the store's server ${server.command} ended before it answered (${lastLine(server.logPath)}): see ${server.logPath}`,
    );
  }
  isUp = true;
  let life = first;

  const keepAlive = async (): Promise<void> => {
    let pauseMs = firstRestartMs;
    for (;;) {
      const exit = await life.ended;
      if (stopping.signal.aborted) return;
      if (isUp) pauseMs = firstRestartMs;
      isUp = false;
      log.error({ ...exit, pauseMs }, "store process ended, it is started again");
      for (const listener of listeners) listener(exit);
      await sleep(pauseMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      pauseMs = Math.min(pauseMs * 2, lastRestartMs);
      life = begin(undefined);
      const answer = await waitUntilAnswering(server.socketPath, life, log);
      if (answer !== "answers") continue;
      isUp = true;
      log.info({ pid: life.identity.pid }, "store process answers again");
    }
  };
  const kept = keepAlive();

  return {
    isUp: () => isUp,
    onExit: (listener) => listeners.push(listener),
    stop: async () => {
      stopping.abort();
      isUp = false;
      await endProcess(life, log);
      await kept;
    },
  };
}
