import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openClock, openTestClock } from "../../../modules/adapters/redis/clock.ts";
import {
  openRequestConnection,
  openSubscriberConnection,
  toStoreError,
} from "../../../modules/adapters/redis/connection.ts";
import { crc16 } from "../../../modules/adapters/redis/crc16.ts";
import { makeHints } from "../../../modules/adapters/redis/hints.ts";
import { encodeKeyPart, metaKey, shardOf } from "../../../modules/adapters/redis/keys.ts";
import { openMeta } from "../../../modules/adapters/redis/meta.ts";
import { clockPrelude, inlineScript, runScript } from "../../../modules/adapters/redis/scripts.ts";
import { parseUid, uidOf } from "../../../modules/adapters/redis/uid.ts";
import { OtauError } from "../../../modules/errors.ts";
import { startOwnRedis, startTestRedis, type TestRedis } from "../../support/redis.ts";
import { actor, change, loaded, openDevices } from "./device-support.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.close());
beforeEach(() => redis.flush());

describe("keys", () => {
  it("use the checksum that Redis Cluster uses", () => {
    expect(crc16("123456789")).toBe(0x31c3);
    expect(crc16("")).toBe(0);
  });

  it("spread devices evenly over the shards", () => {
    const sizes = new Array<number>(16).fill(0);
    for (let at = 0; at < 16_000; at++) {
      const shard = shardOf("default", `dev-${at}`, 16);
      sizes[shard] = (sizes[shard] ?? 0) + 1;
    }
    expect(Math.min(...sizes)).toBeGreaterThan(800);
    expect(Math.max(...sizes)).toBeLessThan(1200);
  });

  it("hold user text that can reach into nothing else, and differs for different texts", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (one, other) => {
        const part = encodeKeyPart(one);
        expect(part).toMatch(/^[A-Za-z0-9._%~-]{0,64}$/);
        expect(part === encodeKeyPart(other)).toBe(one.toWellFormed() === other.toWellFormed());
      }),
    );
    expect(encodeKeyPart("x".repeat(65))).toHaveLength(33);
  });

  it("name a device by shard and ordinal in its uid", () => {
    expect(uidOf(15, 1_000_000)).toBe("fxlfls");
    expect(parseUid("fxlfls")).toEqual({ shard: 15, ordinal: 1_000_000 });
    expect(parseUid("d1-fxlfls")).toBeUndefined();
  });
});

describe("scripts", () => {
  it("run on a server that has never seen them, and after it forgot them", async () => {
    const answer = inlineScript("answer", "return { KEYS[1], ARGV[1] }");
    await redis.client.script("FLUSH");
    expect(await runScript(redis.client, answer, ["k"], ["1"])).toEqual(["k", "1"]);
    await redis.client.script("FLUSH");
    expect(await runScript(redis.client, answer, ["k"], ["2"])).toEqual(["k", "2"]);
    const wrong = inlineScript("wrong", "return redis.call('HGET', KEYS[1], 'f')");
    await redis.client.set("k", "v");
    await expect(runScript(redis.client, wrong, ["k"], [])).rejects.toThrow("WRONGTYPE");
  });
});

describe("the store's clock", () => {
  const readNow = inlineScript("read now", `${clockPrelude}return string.format('%.0f', now)`);

  it("is moved by tests for scripts of all processes, and by nothing else", async () => {
    const mine = await openTestClock(redis.client);
    const other = await openTestClock(redis.connect());
    await mine.advance(3_600_000);
    await other.refresh();
    expect(other.offsetMs()).toBe(3_600_000);
    const now = Number(await runScript(redis.client, readNow, [], [other.offsetMs()]));
    expect(now - Date.now()).toBeGreaterThan(3_590_000);
    expect(other.roughNow() - Date.now()).toBeGreaterThan(3_590_000);
    await mine.setOffset(0);
    await Promise.all([mine.close(), other.close()]);
    expect((await openClock(redis.client)).offsetMs()).toBe(0);
  });

  it("that a test has moved is refused by a program that serves devices", async () => {
    await redis.client.hset(metaKey, "clockOffsetMs", "1");
    await expect(openClock(redis.client)).rejects.toThrow("moved by a test");
  });
});

describe("the fixed facts of a store", () => {
  it("are written once and kept", async () => {
    expect(await openMeta(redis.client, { shardCount: 4 })).toMatchObject({
      schemaVersion: 1,
      shardCount: 4,
    });
    expect(await openMeta(redis.client)).toMatchObject({ shardCount: 4, hasShardedChannels: true });
  });

  it("refuse a store of a newer program, and a damaged one", async () => {
    await redis.client.hset(metaKey, "schemaVersion", "2", "shardCount", "16");
    await expect(openMeta(redis.client)).rejects.toThrow("schema version 2");
    await redis.client.hset(metaKey, "schemaVersion", "1", "shardCount", "many");
    await expect(openMeta(redis.client)).rejects.toThrow('"many"');
  });
});

describe("a connection for requests", () => {
  it("fails fast with STORE_UNAVAILABLE while the store is away", async () => {
    const own = await startOwnRedis();
    const connection = await openRequestConnection({ address: own.store.address });
    await openMeta(connection);
    await own.store.close();
    await expect.poll(() => connection.status).not.toBe("ready");
    const error = await connection.get("k").catch((cause: unknown) => toStoreError(cause));
    connection.disconnect();
    expect(error).toBeInstanceOf(OtauError);
    expect(error).toMatchObject({ code: "STORE_UNAVAILABLE", extras: { retryAfterSeconds: 1 } });
  });

  it("gives up on a command that hangs", async () => {
    const own = await startOwnRedis();
    const connection = await openRequestConnection({ address: own.store.address, commandTimeoutMs: 100 });
    const blocker = await openRequestConnection({ address: own.store.address, commandTimeoutMs: 60_000 });
    await blocker.client("PAUSE", 800, "ALL");
    const error = await connection.get("k").catch((cause: unknown) => toStoreError(cause));
    expect(error).toMatchObject({ code: "STORE_UNAVAILABLE" });
    connection.disconnect();
    blocker.disconnect();
  });

  it("tells faults of ours as they are", () => {
    const fault = new Error("WRONGTYPE Operation against a key holding the wrong kind of value");
    expect(toStoreError(fault)).toBe(fault);
    for (const reply of [
      "LOADING Redis is loading",
      "OOM command not allowed",
      "MISCONF Redis is configured",
    ]) {
      expect(toStoreError(new Error(reply))).toMatchObject({ code: "STORE_UNAVAILABLE" });
    }
  });
});

describe("hints", () => {
  it.each([true, false])(
    "reach who listens to the device's shard, sharded channels or not (%s)",
    async (sharded) => {
      const { devices, meta: found } = await openDevices(redis);
      const meta = { ...found, hasShardedChannels: sharded };
      await devices.create("p", [{ identity: "gw-1" }], actor);
      const subscriber = openSubscriberConnection({
        address: { kind: "socket", socketPath: redis.options.path },
        db: redis.options.db,
      });
      const hints = makeHints({ subscriber, meta });
      const heard: string[] = [];
      const shard = hints.shardOf({ productId: "p", identity: "gw-1" });
      const leave = await hints.subscribe(shard, ({ productId, identity }) =>
        heard.push(`${productId}/${identity}`),
      );
      await hints.subscribe(shard, () => undefined);
      if (sharded) {
        const { device } = await loaded(devices, "gw-1");
        await devices.commitMany([change(device, {}, { notify: true })]);
      } else {
        await redis.client.publish(`otau:{s${shard}}:hint`, "p/gw-1");
      }
      await expect.poll(() => heard).toContain("p/gw-1");
      leave();
      subscriber.disconnect();
    },
  );
});
