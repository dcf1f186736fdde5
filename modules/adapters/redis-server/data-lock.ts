import { randomUUID } from "node:crypto";
import {
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { StartupError } from "../../startup-error.ts";
import { identifyProcess, isRunning, type ProcessIdentity, processScope } from "./process-identity.ts";

const identitySchema = z.object({ pid: z.number().int().positive(), startedAt: z.string() });

const lockSchema = z.object({
  id: z.string(),
  scope: z.string(),
  owner: identitySchema,
  /** Written before the server is spawned, so that an orphan can be found whenever its parent died. */
  child: z
    .object({ rung: z.enum(["own", "trial"]), socketPath: z.string(), process: identitySchema.optional() })
    .optional(),
});

type LockText = z.infer<typeof lockSchema>;

/** A server process as the lock notes it: which one it is, once it is spawned. */
export type NotedChild = {
  readonly rung: "own" | "trial";
  readonly socketPath: string;
  readonly process?: ProcessIdentity | undefined;
};

/** The data directory, held by this process alone. */
export type DataLock = {
  /** What the owner of a stale lock left behind: perhaps a server that still runs on the data. */
  readonly leftover: NotedChild | undefined;
  /** Notes the server, before the spawn and again once its process is known. */
  readonly note: (child: NotedChild) => void;
  readonly release: () => void;
};

const heartbeatMs = 5_000;
/** A lock of another container without a sign for this long is stale: its process ids mean nothing here. */
const foreignStaleMs = 20_000;

function readLock(lockPath: string): LockText | undefined {
  try {
    const parsed = lockSchema.safeParse(JSON.parse(readFileSync(lockPath, "utf8")));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

function ageMs(path: string): number {
  try {
    return Date.now() - statSync(path).mtimeMs;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

function writeAside(lockPath: string, text: LockText): string {
  const asidePath = `${lockPath}.${text.id}`;
  writeFileSync(asidePath, JSON.stringify(text), { mode: 0o600 });
  return asidePath;
}

/** A link is made whole or not at all, and only where no lock lies: nobody ever reads half a lock. */
function createLock(lockPath: string, text: LockText): boolean {
  const asidePath = writeAside(lockPath, text);
  try {
    linkSync(asidePath, lockPath);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(asidePath, { force: true });
  }
}

type Holder = "gone" | "alive" | "foreign";

function judgeHolder(lockPath: string, held: LockText | undefined): Holder {
  if (held === undefined) return "gone";
  if (held.scope === processScope()) return isRunning(held.owner) ? "alive" : "gone";
  return ageMs(lockPath) > foreignStaleMs ? "gone" : "foreign";
}

/** Replaces a stale lock. A guard folder keeps two takers apart, and the lock is judged once more within it. */
function takeOver(
  lockPath: string,
  text: LockText,
): { readonly taken: boolean; readonly old: LockText | undefined } {
  const guardPath = `${lockPath}.guard`;
  if (ageMs(guardPath) > 10_000) rmSync(guardPath, { recursive: true, force: true });
  try {
    mkdirSync(guardPath);
  } catch {
    return { taken: false, old: undefined };
  }
  try {
    const old = readLock(lockPath);
    if (judgeHolder(lockPath, old) !== "gone") return { taken: false, old: undefined };
    renameSync(writeAside(lockPath, text), lockPath);
    return { taken: true, old };
  } finally {
    rmdirSync(guardPath);
  }
}

function refuse(lockPath: string, held: LockText | undefined): never {
  const who = held === undefined ? "another process" : `process ${held.owner.pid}`;
  throw new StartupError(
    `the data directory ${dirname(lockPath)} is in use by ${who}: stop that one, or set OTAU_DATA_DIR to another folder (many processes can share one server by REDIS_URL)`,
  );
}

/**
 * Takes the data directory for this process. Redis itself does not lock its files, and two servers on one
 * append-only file destroy it.
 *
 * @throws StartupError while another process holds it.
 */
export async function lockData(dataDir: string): Promise<DataLock> {
  const lockPath = resolve(dataDir, "store.lock");
  const owner = identifyProcess(process.pid) ?? { pid: process.pid, startedAt: "" };
  let text: LockText = { id: randomUUID(), scope: processScope(), owner };
  mkdirSync(dirname(lockPath), { recursive: true, mode: 0o700 });
  let leftover: LockText | undefined;
  const waitUntilMs = Date.now() + foreignStaleMs + heartbeatMs;
  while (!createLock(lockPath, text)) {
    const held = readLock(lockPath);
    const holder = judgeHolder(lockPath, held);
    if (holder === "alive" || Date.now() > waitUntilMs) refuse(lockPath, held);
    if (holder === "gone") {
      const { taken, old } = takeOver(lockPath, text);
      leftover = old;
      if (taken) break;
    }
    await sleep(holder === "foreign" ? 500 : 20);
  }
  const heartbeat = setInterval(() => touch(lockPath), heartbeatMs);
  heartbeat.unref();
  return {
    leftover: leftover?.child,
    note: (child) => {
      text = { ...text, child };
      renameSync(writeAside(lockPath, text), lockPath);
    },
    release: () => {
      clearInterval(heartbeat);
      if (readLock(lockPath)?.id === text.id) rmSync(lockPath, { force: true });
    },
  };
}

function touch(path: string): void {
  try {
    utimesSync(path, new Date(), new Date());
  } catch {
    // The folder is gone or read-only; the next write of the server will say so.
  }
}
