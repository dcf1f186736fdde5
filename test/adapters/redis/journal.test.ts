import type { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { makeJournal, productLog, type RedisJournal } from "../../../modules/adapters/redis/journal.ts";
import { nextDigest } from "../../../modules/adapters/redis/journal-lines.ts";
import type { JournalLine } from "../../../modules/usecases/ports.ts";
import { acceptOne, operator, useBench } from "./product-support.ts";

const bench = useBench();
const shardCount = 2;
let elapsedMs = 0;

function journal(redis: Redis = bench().redis.client): RedisJournal {
  return makeJournal({ redis, clock: bench().clock, shardCount, monotonicMs: () => elapsedMs });
}

/** What a commit of a device leaves behind: one entry of the shard's log, and the product marked. */
async function commitEntry(shard: number, first: number, count = 1, productId = "default"): Promise<void> {
  const events = Array.from({ length: count }, (_, at) => ({
    at: 1_700_000_000_000,
    type: "update.changed",
    seq: first + at,
    deploymentId: "d1",
    packageId: "package_a",
    version: "1.0.0",
    from: "waiting",
    to: "sent",
    actor: { kind: "system", id: "release" },
    revision: 7,
  }));
  const fields = { productId, identity: `gw-${shard}`, uid: `0x${shard}`, events: JSON.stringify(events) };
  await bench()
    .redis.client.multi()
    .xadd(`otau:{s${shard}}:log:${productId}`, "*", ...Object.entries(fields).flat())
    .sadd(`otau:{s${shard}}:logs`, productId)
    .exec();
}

async function all(productId = "default"): Promise<JournalLine[]> {
  const lines: JournalLine[] = [];
  for (;;) {
    const page = await journal().read(productId, lines.at(-1)?.id, 7);
    if (page.length === 0) return lines;
    lines.push(...page);
  }
}

/** Ids without a gap, and every device's numbers without gap or doubling, in order. */
function expectExact(lines: readonly JournalLine[], perDevice: number): void {
  expect(lines.map(({ id }) => id)).toEqual(lines.map((_, at) => String(at + 1)));
  for (const identity of ["gw-0", "gw-1"]) {
    const seqs = lines.filter((line) => line["identity"] === identity).map(({ seq }) => seq);
    expect(seqs).toEqual(Array.from({ length: perDevice }, (_, at) => at + 1));
  }
}

/** A client whose n-th call fails: before it reaches the server, or after, so that its answer is lost. */
function failingAt(n: number, when: "before" | "after"): { redis: Redis; calls: () => number } {
  let calls = 0;
  const redis = new Proxy(bench().redis.client, {
    get(target, name) {
      const found = Reflect.get(target, name);
      if (typeof found !== "function") return found;
      return async (...args: unknown[]) => {
        calls += 1;
        const isIt = calls === n;
        if (isIt && when === "before") throw new Error("killed");
        const reply = await found.apply(target, args);
        if (isIt) throw new Error("killed");
        return reply;
      };
    },
  });
  return { redis, calls: () => calls };
}

describe("the journal", () => {
  it("shows a device's events in the shape of the contract", async () => {
    await commitEntry(0, 1);
    expect(await journal().relay("default", 0)).toBe(1);
    expect(await journal().read("default", undefined, 10)).toEqual([
      {
        id: "1",
        at: "2023-11-14T22:13:20.000Z",
        productId: "default",
        type: "update.changed",
        seq: 1,
        identity: "gw-0",
        updateId: "d1-0x0",
        deploymentId: "d1",
        packageId: "package_a",
        version: "1.0.0",
        from: "waiting",
        to: "sent",
        actor: { kind: "system", id: "release" },
        revision: 7,
      },
    ]);
  });

  it("takes in what changed in the product's own slot, and what is appended there", async () => {
    await acceptOne(bench(), "d1");
    await journal().append("default", [
      { type: "access.refused", seq: 0, actor: operator, reason: "no such token" },
    ]);
    expect(await journal().relay("default", productLog)).toBe(3);
    const lines = await all();
    expect(lines.map(({ type }) => type)).toEqual([
      "package.changed",
      "deployment.changed",
      "access.refused",
    ]);
    expect(lines[1]).toMatchObject({
      deploymentId: "d1",
      to: "running",
      seq: 1,
      revision: 1,
      actor: operator,
    });
    expect(lines[1]?.at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  it("is fed from all logs of all products, and looks no more at those that are empty", async () => {
    await bench().products.put("acme", {}, {});
    for (let at = 0; at < 5; at++) for (const shard of [0, 1]) await commitEntry(shard, 2 * at + 1, 2);
    await commitEntry(0, 1, 1, "acme");
    expect(await journal().backlog()).toBe(11);
    expect(await journal().relayAll()).toBe(11);
    expect(await journal().backlog()).toBe(0);
    expectExact(await all(), 10);
    expect(await all("acme")).toHaveLength(1);
    expect(await bench().redis.client.scard("otau:{s0}:logs")).toBe(0);
    await commitEntry(0, 11);
    expect(await journal().relayAll()).toBe(1);
  });

  it("moves more than one lot", async () => {
    for (let at = 0; at < 230; at++) await commitEntry(0, at + 1);
    for (let at = 0; at < 230; at++) await commitEntry(1, at + 1);
    expect(await journal().relayAll()).toBe(460);
    expectExact(await all(), 230);
  });

  it("has each line once and in order when two relays race", async () => {
    for (let at = 0; at < 250; at++) for (const shard of [0, 1]) await commitEntry(shard, at + 1);
    const other = bench().redis.connect();
    const moved = await Promise.all([
      journal().relayAll(),
      journal(other).relayAll(),
      journal().relay("default", 0),
      journal(other).relay("default", 1),
    ]);
    expect(moved.reduce((sum, count) => sum + count, 0)).toBe(500);
    expectExact(await all(), 250);
  });

  it.each(["before", "after"] as const)(
    "has each line once when the relay dies %s any of its calls",
    async (when) => {
      const whole = failingAt(Number.POSITIVE_INFINITY, when);
      for (const shard of [0, 1]) await commitEntry(shard, 1, 3);
      await journal(whole.redis).relayAll();
      const calls = whole.calls();
      expect(calls).toBeGreaterThan(8);
      for (let n = 1; n <= calls; n++) {
        for (const shard of [0, 1]) await commitEntry(shard, n * 3 + 1, 3);
        await journal(failingAt(n, when).redis)
          .relayAll()
          .catch(() => undefined);
        await journal().relayAll();
        expectExact(await all(), (n + 1) * 3);
      }
      for (const shard of [0, 1]) expect(await bench().redis.client.scard(`otau:{s${shard}}:logs`)).toBe(0);
    },
  );

  it("keeps a log until it is relayed and a minute old", async () => {
    const { client } = bench().redis;
    const key = "otau:{s0}:log:default";
    const [seconds] = await client.time();
    const old = (Number(seconds) - 70) * 1000;
    const fields = ["productId", "default", "identity", "gw-0", "uid", "0x0", "events", "[]"] as const;
    for (const at of [old, old + 1, old + 2]) await client.xadd(key, `${at}-0`, ...fields);
    await client.sadd("otau:{s0}:logs", "default");
    await journal().trimAll();
    expect(await client.xlen(key)).toBe(3);
    await commitEntry(0, 1);
    elapsedMs += 60_000;
    await journal().relayAll();
    expect(await client.xlen(key)).toBe(1);
    expect(await all()).toHaveLength(1);
  });

  it("never trims beyond what is relayed, however old it is", async () => {
    const { client } = bench().redis;
    const key = "otau:{s0}:log:default";
    for (const at of [1, 2, 3]) await client.xadd(key, `${at}-0`, "events", "[]");
    await client.hset("otau:{p:default}:journal:head", "pos:0", "2-0");
    await journal().trimAll();
    expect((await client.xrange(key, "-", "+")).map(([id]) => id)).toEqual(["3-0"]);
  });

  it("is chained: each lot ends with the digest of all lines so far", async () => {
    for (const round of [0, 1, 2]) {
      await commitEntry(0, round * 3 + 1, 3);
      await journal().relayAll();
    }
    const rows = await bench().redis.client.xrange("otau:{p:default}:journal", "-", "+");
    let digest = "";
    for (const [, fields] of rows) {
      for (const text of (fields[1] ?? "").split("\n")) digest = nextDigest(digest, text);
      expect(fields[3]).toBe(digest);
    }
    expect(rows.map(([id]) => id)).toEqual(["3-0", "6-0", "9-0"]);
    expect(await bench().redis.client.hget("otau:{p:default}:journal:head", "digest")).toBe(digest);
  });

  it("is not moved on when its stream goes beyond its head", async () => {
    const { client } = bench().redis;
    await client.xadd("otau:{p:default}:journal", "5-0", "lines", "spoilt");
    await commitEntry(0, 1);
    await expect(journal().relayAll()).rejects.toThrow(/smaller/);
    expect(await client.exists("otau:{p:default}:journal:head")).toBe(0);
  });

  it("tells where it begins and ends", async () => {
    const bounds = () => Promise.all([journal().oldest("default"), journal().newest("default")]);
    expect(await bounds()).toEqual([0, 0]);
    for (const first of [1, 3]) {
      await commitEntry(0, first, 2);
      await journal().relayAll();
    }
    await bench().redis.client.xtrim("otau:{p:default}:journal", "MAXLEN", 1);
    expect(await bounds()).toEqual([3, 4]);
  });

  it("is read from any line on, also from the middle of a lot", async () => {
    for (let lot = 0; lot < 30; lot++) {
      await commitEntry(0, lot * 3 + 1, 3);
      await journal().relayAll();
    }
    const ids = async (after: string | undefined, limit: number) =>
      (await journal().read("default", after, limit)).map(({ id }) => Number(id));
    for (let after = 0; after <= 90; after++) {
      const rest = Array.from({ length: 90 - after }, (_, at) => after + at + 1);
      expect(await ids(String(after), 100)).toEqual(rest);
      expect(await ids(String(after), 4)).toEqual(rest.slice(0, 4));
    }
    expect(await ids(undefined, 2)).toEqual([1, 2]);
    expect(await ids("1000", 2)).toEqual([]);
  });
});
