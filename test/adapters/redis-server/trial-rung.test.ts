import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Store } from "../../../modules/adapters/redis-server/store.ts";
import { openTrialRung } from "../../../modules/adapters/redis-server/trial-rung.ts";
import { makeLogger, silentLogger } from "../../../modules/logger.ts";
import { startParent } from "./killed-parent.ts";

describe("the trial store", () => {
  let dataDir: string;
  const stores: Store[] = [];
  const clients: Redis[] = [];
  const open = async (): Promise<Redis> => {
    const store = await openTrialRung({ dataDir }, silentLogger);
    stores.push(store);
    return clientOf(store.address.kind === "socket" ? store.address.socketPath : "");
  };
  const clientOf = (path: string): Redis => {
    const client = new Redis({ path });
    client.on("error", () => undefined);
    clients.push(client);
    return client;
  };
  const closeAll = async (): Promise<void> => {
    for (const client of clients.splice(0)) client.disconnect();
    for (const store of stores.splice(0)) await store.close();
  };
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), "otau-trial-"));
  });
  afterEach(async () => {
    await closeAll();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it("keeps every kind of value over a restart: bytes, expiry times, stream ids and groups", async () => {
    const bytes = Buffer.from([0, 255, 10, 13, 128]);
    const before = await open();
    await before.set("bytes", bytes);
    await before.set("soon", "gone", "PX", 3_600_000);
    await before.hset("hash", { field: bytes, other: "x" });
    await before.rpush("list", "a", "b");
    await before.sadd("set", "a", "b");
    await before.zadd("zset", "1.5", "a", "-inf", "b", "17179869184.25", "c");
    await before.xadd("stream", "5-1", "k", bytes);
    await before.xgroup("CREATE", "stream", "readers", "0");
    await before.xreadgroup("GROUP", "readers", "one", "STREAMS", "stream", ">");
    await before.xdel("stream", "5-1");
    await before.setbit("bits", 70_000, "1");
    await closeAll();

    const after = await open();
    expect(await after.getBuffer("bytes")).toEqual(bytes);
    expect(await after.pttl("soon")).toBeGreaterThan(3_500_000);
    expect(await after.hgetBuffer("hash", "field")).toEqual(bytes);
    expect(await after.lrange("list", 0, -1)).toEqual(["a", "b"]);
    expect((await after.smembers("set")).sort()).toEqual(["a", "b"]);
    expect(await after.zrange("zset", "0", "-1", "WITHSCORES")).toEqual([
      "b",
      "-inf",
      "a",
      "1.5",
      "c",
      "17179869184.25",
    ]);
    expect(await after.xpending("stream", "readers")).toEqual([1, "5-1", "5-1", [["one", 1]]]);
    await expect(after.xadd("stream", "5-1", "k", "v")).rejects.toThrow("equal or smaller");
    expect(await after.getbit("bits", 70_000)).toBe(1);
  });

  it("saves what its process holds when its parent is killed outright", async () => {
    const parent = await startParent("trial", dataDir);
    if (parent.line.refused !== undefined) throw new Error(parent.line.refused);
    await clientOf(parent.line.address.socketPath).set("device", "gw-1");
    await parent.kill();
    const after = await open();
    expect(await after.get("device")).toBe("gw-1");
  });

  it("refuses a torn or changed snapshot in one line with the mend, and leaves it as it is", async () => {
    const client = await open();
    await client.set("device", "gw-1");
    await closeAll();
    const path = join(dataDir, "trial", "snapshot");
    const whole = readFileSync(path);

    truncateSync(path, whole.length - 7);
    await expect(open()).rejects.toThrow(
      `the trial store's snapshot ${path} is damaged (its checksum does not match): put a copy of it back, or move it away to begin empty`,
    );
    expect(readFileSync(path)).toHaveLength(whole.length - 7);

    writeFileSync(path, "no snapshot at all");
    await expect(open()).rejects.toThrow("is damaged (it is no snapshot)");

    writeFileSync(path, whole);
    const again = await open();
    expect(await again.get("device")).toBe("gw-1");
  });

  it("says on every start that it is for trial only and what may be lost", async () => {
    const lines: string[] = [];
    const log = makeLogger({ level: "warn", target: { write: (line) => lines.push(line) } });
    const store = await openTrialRung({ dataDir }, log);
    stores.push(store);
    expect(lines.join("")).toContain("for trial only, the last seconds may be lost");
    expect(store).toMatchObject({ rung: "trial", durability: "snapshots" });
    expect(store.describe()).toContain("for trial only");
  });

  it("is not opened twice on one data directory", async () => {
    await open();
    await expect(open()).rejects.toThrow("is in use by process");
  });
});
