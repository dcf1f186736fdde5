import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openOwnRung } from "../../../modules/adapters/redis-server/own-rung.ts";
import { askSocket, pingSocket, serverPid } from "../../../modules/adapters/redis-server/probe.ts";
import { identifyProcess } from "../../../modules/adapters/redis-server/process-identity.ts";
import type { ServerExit, Store } from "../../../modules/adapters/redis-server/store.ts";
import { silentLogger } from "../../../modules/logger.ts";
import { formatStartupError } from "../../../modules/startup-error.ts";
import { hasRealServer, openTestServer } from "../../support/test-server.ts";
import { startParent } from "./killed-parent.ts";

const socketOf = (store: Store): string => (store.address.kind === "socket" ? store.address.socketPath : "");

const refusalOf = (opening: Promise<unknown>): Promise<string> =>
  opening.then(
    () => "not refused",
    (error: unknown) => formatStartupError(error),
  );

describe.runIf(hasRealServer)("a server of our own", () => {
  let dataDir: string;
  const opened: Store[] = [];
  const open = async (): Promise<Store> => {
    const store = await openTestServer(dataDir, "always", silentLogger);
    opened.push(store);
    return store;
  };
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), "otau-rung-"));
  });
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it("keeps its data over a restart, written to the disk at once and evicting nothing", async () => {
    const first = await open();
    await askSocket(socketOf(first), "SET device gw-1", 1000);
    expect(await askSocket(socketOf(first), "CONFIG GET appendfsync", 1000)).toContain("*2");
    await first.close();
    expect(await pingSocket(socketOf(first))).toBe("silent");
    const second = await open();
    expect(await askSocket(socketOf(second), "GET device", 1000)).toContain("gw-1");
    expect(await askSocket(socketOf(second), "INFO memory", 1000)).toContain("maxmemory_policy:noeviction");
    expect(second).toMatchObject({ rung: "own", durability: "always" });
    expect(Buffer.byteLength(socketOf(second))).toBeLessThan(100);
  });

  it("refuses a data directory that this or another process holds, in one line with the mend", async () => {
    await open();
    const line = await refusalOf(open());
    expect(line).toBe(
      `otau: the data directory ${dataDir} is in use by process ${process.pid}: stop that one, or set OTAU_DATA_DIR to another folder (many processes can share one server by REDIS_URL)`,
    );
    const other = await startParent("own", dataDir);
    expect(other.line).toEqual({ refused: line });
  });

  it("adopts the server that a killed parent left running, with its data", async () => {
    const parent = await startParent("own", dataDir);
    if (parent.line.refused !== undefined) throw new Error(parent.line.refused);
    const { socketPath } = parent.line.address;
    await askSocket(socketPath, "SET device gw-1", 1000);
    const orphan = await serverPid(socketPath);
    await parent.kill();
    expect(await pingSocket(socketPath)).toBe("pong");

    const store = await open();
    expect(socketOf(store)).toBe(socketPath);
    expect(await serverPid(socketPath)).toBe(orphan);
    expect(await askSocket(socketPath, "GET device", 1000)).toContain("gw-1");
    await store.close();
    expect(await pingSocket(socketPath)).toBe("silent");
  });

  it("adopts the orphan of a parent that died before it noted the process", async () => {
    const parent = await startParent("own", dataDir);
    if (parent.line.refused !== undefined) throw new Error(parent.line.refused);
    await parent.kill();
    const lockPath = join(dataDir, "store.lock");
    const lock = JSON.parse(readFileSync(lockPath, "utf8"));
    writeFileSync(lockPath, JSON.stringify({ ...lock, child: { ...lock.child, process: undefined } }));
    const store = await open();
    expect(socketOf(store)).toBe(parent.line.address.socketPath);
  });

  it("ends an orphan that no longer answers before it starts another", async () => {
    const parent = await startParent("own", dataDir);
    if (parent.line.refused !== undefined) throw new Error(parent.line.refused);
    const { socketPath } = parent.line.address;
    const orphan = await serverPid(socketPath);
    await parent.kill();
    rmSync(socketPath);
    const store = await open();
    expect(socketOf(store)).not.toBe(socketPath);
    expect(identifyProcess(orphan ?? 0)).toBeUndefined();
  });

  it("starts one new server when the process is killed, and tells of it at once", async () => {
    const store = await open();
    await askSocket(socketOf(store), "SET device gw-1", 1000);
    const exit = new Promise<ServerExit>((resolve) => store.onExit(resolve));
    process.kill((await serverPid(socketOf(store))) ?? 0, "SIGKILL");
    expect(await exit).toEqual({ code: null, signal: "SIGKILL" });
    expect(store.isUp()).toBe(false);
    await expect.poll(store.isUp).toBe(true);
    expect(await askSocket(socketOf(store), "GET device", 1000)).toContain("gw-1");
  });

  it("tells the server's own last words when it does not start", async () => {
    const program = { command: "/bin/sh", name: "redis-server", libraryDirs: [] } as const;
    const line = await refusalOf(openOwnRung({ dataDir, durability: "always", program }, silentLogger));
    expect(line).toContain("/bin/sh ended before it answered");
    expect(line).toContain(join(dataDir, "redis", "server.log"));
    await open();
  });

  it("takes over a lock whose process has gone or whose text is torn", async () => {
    writeFileSync(join(dataDir, "store.lock"), '{"id":"x","own');
    const store = await open();
    expect(store.isUp()).toBe(true);
  });
});
