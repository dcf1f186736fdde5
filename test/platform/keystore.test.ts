import { beforeEach, describe, expect, it } from "vitest";
import { failureOf, useServices } from "./support.ts";

const bench = useServices();
const done = { status: 204, status_code: 204 };

beforeEach(async () => {
  await bench().Keystore.clear();
});

describe("Keystore", () => {
  it("sets, gets and deletes scalars as texts", async () => {
    const { Keystore } = bench();
    expect(await Keystore.get({ key: "a" })).toEqual({ value: null });
    expect(await Keystore.set({ key: "a", value: "text" })).toEqual(done);
    expect(await Keystore.get({ key: "a" })).toEqual({ value: "text" });
    await Keystore.set({ key: "a", value: 12.5 });
    expect(await Keystore.get({ key: "a" })).toEqual({ value: "12.5" });
    expect(await Keystore.delete({ key: "a" })).toEqual({ value: 1 });
    expect(await Keystore.delete({ key: "a" })).toEqual({ value: 0 });
  });

  it("works on many keys at once", async () => {
    const { Keystore } = bench();
    const values = ["x", "y", "z"].map((key) => ({ key, value: `of ${key}` }));
    expect(await Keystore.mset({ values })).toEqual(done);
    expect(await Keystore.mget({ keys: ["z", "none", "x"] })).toEqual({ values: ["of z", null, "of x"] });
    expect(await Keystore.info()).toEqual({ quota: { keys: null }, usage: { keys: 3 } });
    expect(await Keystore.mdelete({ keys: ["x", "y", "none"] })).toEqual({ value: 2 });
    expect(await Keystore.clear()).toEqual(done);
    expect(await Keystore.info()).toMatchObject({ usage: { keys: 0 } });
  });

  it("lists keys by a pattern until the cursor is 0 again", async () => {
    const { Keystore } = bench();
    const values = Array.from({ length: 200 }, (_, at) => ({
      key: `${at % 2 ? "odd" : "even"}.${at}`,
      value: at,
    }));
    await Keystore.mset({ values });
    const keys = new Set<string>();
    let cursor = "0";
    do {
      const page = await Keystore.list({ match: "odd.*", cursor, count: 10 });
      if (page.error !== undefined) throw new Error(page.error);
      for (const key of page.keys) keys.add(key);
      cursor = page.cursor;
    } while (cursor !== "0");
    expect(keys.size).toBe(100);
  });

  it("runs counters, lists, sets, hashes and expiry by their Redis names", async () => {
    const { Keystore } = bench();
    const run = (key: string, command: string, ...args: (string | number)[]) =>
      Keystore.command({ key, command, args });
    expect(await run("n", "incrby", 5)).toEqual({ value: 5 });
    expect(await run("n", "INCRBY", 5)).toEqual({ value: 10 });
    await run("l", "rpush", "a", "b");
    expect(await run("l", "lrange", 0, -1)).toEqual({ value: ["a", "b"] });
    await run("s", "sadd", "a", "a");
    expect(await run("s", "scard")).toEqual({ value: 1 });
    await run("h", "hset", "f", "1", "__proto__", "2");
    const { value } = (await run("h", "hgetall")) as { value: object };
    expect(Object.entries(value)).toEqual([
      ["f", "1"],
      ["__proto__", "2"],
    ]);
    await run("e", "setex", 100, "v");
    expect(await run("e", "ttl")).toEqual({ value: 100 });
    await run("e2", "set", "v", "EX", 50);
    expect(await run("e2", "ttl")).toEqual({ value: 50 });
  });

  it("answers an error object for what is wrong", async () => {
    const { Keystore } = bench();
    await Keystore.command({ key: "list", command: "rpush", args: ["a"] });
    const wrong = [
      await Keystore.get({ key: "" }),
      await Keystore.get({ key: "k".repeat(201) }),
      await Keystore.set({ key: "a", value: { an: "object" } as never }),
      await Keystore.set({ key: "a", value: "x".repeat(1_048_577) }),
      await Keystore.command({ key: "a", command: "flushall" }),
      await Keystore.command({ key: "list", command: "incrby", args: [1] }),
      await Keystore.list({ cursor: "x" }),
      await Keystore.mget({ keys: [] }),
    ];
    for (const result of wrong) {
      expect(failureOf(result)).toMatchObject({ status: 400, type: "QueryError", said: { code: 400 } });
    }
  });
});
