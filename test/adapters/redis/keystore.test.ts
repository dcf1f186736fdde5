import { describe, expect, it } from "vitest";
import { makeKeyValueStore } from "../../../modules/adapters/redis/keystore.ts";
import { useBench } from "./product-support.ts";

const bench = useBench();
const store = () => makeKeyValueStore({ redis: bench().redis.client });

describe("the keystore", () => {
  it("sets, gets and deletes", async () => {
    await store().set("a", "1");
    await store().set("b", "é😀");
    expect(await store().get("a")).toBe("1");
    expect(await store().get("none")).toBeUndefined();
    expect(await store().mget(["b", "none", "a"])).toEqual(["é😀", undefined, "1"]);
    expect(await store().delete(["a", "none", "b"])).toBe(2);
    expect(await store().get("a")).toBeUndefined();
    expect(await bench().redis.client.dbsize()).toBe(0);
  });

  it("lets a value expire", async () => {
    await store().set("a", "1", 60_000);
    expect(Number(await store().command("a", "pttl", []))).toBeGreaterThan(50_000);
    await store().command("a", "persist", []);
    expect(await store().command("a", "ttl", [])).toBe(-1);
  });

  it("runs Murano's commands by their names, in any case", async () => {
    const run = store().command;
    expect(await run("n", "incrby", [5])).toBe(5);
    expect(await run("n", "DECRBY", [2])).toBe(3);
    expect(await run("l", "rpush", ["a", "b", "c"])).toBe(3);
    expect(await run("l", "lrange", [0, -1])).toEqual(["a", "b", "c"]);
    expect(await run("s", "sadd", ["x", "y"])).toBe(2);
    expect(await run("s", "scard", [])).toBe(2);
    expect(await run("h", "hset", ["f", "1"])).toBe(1);
    expect(await run("h", "hgetall", [])).toEqual(["f", "1"]);
    expect(await run("h", "hget", ["none"])).toBeNull();
    expect(await run("t", "setex", [60, "v"])).toBe("OK");
    expect(await run("t", "getset", ["w"])).toBe("v");
    expect(await run("t", "exists", [])).toBe(1);
  });

  it("admits no other command, and none with the keys of others as arguments", async () => {
    for (const [name, args] of [
      ["flushall", []],
      ["eval", ["return 1", "0"]],
      ["rename", ["otau:meta"]],
      ["del", ["otau:meta"]],
      ["exists", ["otau:meta"]],
      ["constructor", []],
      ["blpop", ["1"]],
      ["incr", [1]],
      ["hset", ["f"]],
      ["sadd", Array.from({ length: 1001 }, String)],
    ] as const) {
      await expect(store().command("k", name, args)).rejects.toMatchObject({ code: "INVALID_INPUT" });
    }
  });

  it("says what is wrong where Redis refuses", async () => {
    await store().set("text", "abc");
    await expect(store().command("text", "incr", [])).rejects.toMatchObject({ code: "INVALID_INPUT" });
    await expect(store().command("text", "lpush", ["x"])).rejects.toThrow(/WRONGTYPE/);
    await expect(store().set("", "x")).rejects.toMatchObject({ code: "INVALID_INPUT" });
    await expect(store().set("k".repeat(201), "x")).rejects.toMatchObject({ code: "INVALID_INPUT" });
    await expect(store().set("big", "x".repeat(1_048_577))).rejects.toMatchObject({ code: "TOO_LARGE" });
  });

  it("stays within its own keys whatever a key is called", async () => {
    const names = ["otau:meta", "{s1}", "..", "a:b*[x]\n\u0000"];
    for (const name of names) await store().set(name, name);
    for (const name of names) expect(await store().get(name)).toBe(name);
    for (const key of await bench().redis.client.keys("*")) expect(key).toMatch(/^otau:\{keystore\}:/);
  });

  it("lists names by a pattern, those that have gone left out", async () => {
    for (let at = 0; at < 300; at++) await store().set(`job.${at}`, "x");
    for (const key of ["other", "job.late"]) await store().set(key, "x");
    await bench().redis.client.pexpire("otau:{keystore}:v:job.late", 0);
    await store().command("list", "rpush", ["x"]);
    await store().command("list", "lpop", []);
    const found: string[] = [];
    let cursor = "0";
    do {
      const page = await store().list("job.*", cursor, 50);
      found.push(...page.keys);
      cursor = page.cursor;
    } while (cursor !== "0");
    expect(new Set(found).size).toBe(300);
    expect((await store().list("*", "0", 1000)).keys).toHaveLength(301);
    await expect(store().list("*", "x", 10)).rejects.toMatchObject({ code: "INVALID_INPUT" });
  });
});
