import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "../../logger.ts";
import type { NotedChild } from "./data-lock.ts";
import { pingSocket, serverPid } from "./probe.ts";
import { identifyProcess, isRunning, type ProcessIdentity } from "./process-identity.ts";
import { endForeignProcess } from "./server-process.ts";

/** A server that outlived its parent and still answers. */
export type Orphan = { readonly socketPath: string; readonly identity: ProcessIdentity };

/** A killed parent may not have come to note the process it spawned, so the server itself is asked. */
async function findAnswering(socketPath: string): Promise<ProcessIdentity | undefined> {
  for (let tries = 0; tries < 10; tries += 1) {
    if ((await pingSocket(socketPath)) !== "silent") {
      const pid = await serverPid(socketPath);
      return pid === undefined ? undefined : identifyProcess(pid);
    }
    await sleep(50);
  }
  return undefined;
}

/**
 * The server that a killed predecessor left running, if it still answers: it is taken over as it is. One that does
 * not answer, or is not wanted, is ended first: nothing else may touch the files while it lives.
 */
export async function settleLeftover(
  leftover: NotedChild | undefined,
  wanted: NotedChild["rung"],
  log: Logger,
): Promise<Orphan | undefined> {
  if (leftover === undefined) return undefined;
  const { socketPath } = leftover;
  // The trial server names no true process id, and it ends by itself when its parent does.
  const answering = leftover.rung === "own" ? await findAnswering(socketPath) : undefined;
  if (answering !== undefined && wanted === "own") return { socketPath, identity: answering };
  const running = answering ?? leftover.process;
  if (running !== undefined && isRunning(running)) await endForeignProcess(running, log);
  rmSync(dirname(socketPath), { recursive: true, force: true });
  return undefined;
}
