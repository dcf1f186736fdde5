import { execFileSync } from "node:child_process";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/** A process that can be told from a later one with the same id. */
export type ProcessIdentity = { readonly pid: number; readonly startedAt: string };

/** Start time as the system counts it; undefined where there is no such process. */
function startTimeOf(pid: number): string | undefined {
  if (process.platform === "linux") {
    try {
      // The name in brackets may hold spaces; the 22nd field of proc(5) is the 20th behind it.
      const behindName = readFileSync(`/proc/${pid}/stat`, "utf8")
        .replace(/^.*\) /s, "")
        .split(" ");
      return behindName[0] === "Z" ? undefined : `${bootId()}:${behindName[19]}`;
    } catch {
      return undefined;
    }
  }
  try {
    return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim() || undefined;
  } catch {
    return undefined;
  }
}

function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim().slice(0, 8);
  } catch {
    return "";
  }
}

/** Identity of a running process; undefined where there is none. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const startedAt = startTimeOf(pid);
  return startedAt === undefined ? undefined : { pid, startedAt };
}

/** True while exactly that process runs: a reused id does not count. */
export const isRunning = (identity: ProcessIdentity): boolean =>
  startTimeOf(identity.pid) === identity.startedAt;

/**
 * The place in which process ids mean something: two containers that share a volume see different ones.
 */
export function processScope(): string {
  try {
    return `${hostname()}/${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return hostname();
  }
}
