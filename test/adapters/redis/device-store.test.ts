import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { shardKeys, shardOf } from "../../../modules/adapters/redis/keys.ts";
import type { JournalEvent } from "../../../modules/otau/model.ts";
import type { DeviceChange } from "../../../modules/usecases/ports.ts";
import { startTestRedis, type TestRedis } from "../../support/redis.ts";
import { actor, change, deployment, loaded, openDevices, sent, update } from "./device-support.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.close());
beforeEach(() => redis.flush());

const keysOf = (identity: string) => shardKeys(shardOf("p", identity, 16));

async function withDevice(identity = "gw-1") {
  const store = await openDevices(redis);
  await store.devices.create("p", [{ identity, tags: { site: "berlin" }, installedVersion: "1.0.0" }], actor);
  return { ...store, device: (await loaded(store.devices, identity)).device };
}

describe("creating devices", () => {
  it("stores them with tags and version, once, and names those that were there", async () => {
    const { devices } = await openDevices(redis);
    const first = await devices.create("p", [{ identity: "b" }, { identity: "a" }, { identity: "b" }], actor);
    const second = await devices.create("p", [{ identity: "a" }, { identity: "c", tags: { x: "" } }], actor);
    expect(first).toEqual({ created: ["b", "a"], existing: [] });
    expect(second).toEqual({ created: ["c"], existing: ["a"] });
    expect(await devices.unknown("p", ["a", "nope", "c"])).toEqual(["nope"]);
    const { device, extras, now } = await loaded(devices, "c");
    expect(device).toMatchObject({ revision: 1, tags: { x: "" }, drifted: false, updates: [], eventSeq: 1 });
    expect(device.uid).toMatch(/^[0-9a-f]x[0-9a-z]+$/);
    expect(Math.abs(now - device.createdAt)).toBeLessThan(60_000);
    expect(extras).toEqual({});
  });

  it("keeps the small hash a compact list, and puts what is too long beside it", async () => {
    const { devices } = await openDevices(redis);
    const tags = { long: "ß".repeat(256), ["n".repeat(64)]: "v", mark: "\u0002" };
    await devices.create("p", [{ identity: "gw-1", tags, installedVersion: "v".repeat(128) }], actor);
    expect((await loaded(devices, "gw-1")).device).toMatchObject({ tags, installedVersion: "v".repeat(128) });
    expect(await redis.client.object("ENCODING", keysOf("gw-1").device("p", "gw-1"))).toBe("listpack");
  });

  it("gives back any text, whatever characters it holds", async () => {
    const { devices, device } = await withDevice();
    let before = device;
    const anyText = fc.string({ unit: "binary", maxLength: 400 }).map((text) => text.toWellFormed());
    await fc.assert(
      fc.asyncProperty(anyText, anyText, async (tag, version) => {
        const edited = {
          tags: { t: tag },
          installedVersion: version,
          configSet: { text: tag, timestampUs: 5 },
        };
        expect(await devices.commitMany([change(before, edited)])).toEqual(["done"]);
        const after = (await loaded(devices, "gw-1")).device;
        expect(after).toMatchObject(edited);
        expect(await devices.count("p", { tags: { t: [tag] }, installedVersion: [version] })).toBe(1);
        before = after;
      }),
      { numRuns: 40 },
    );
  });

  it("writes one log entry that names the device", async () => {
    const { device } = await withDevice();
    const [entry] = await redis.client.xrange(keysOf("gw-1").log("p"), "-", "+");
    expect(entry?.[1].slice(0, 6)).toEqual(["productId", "p", "identity", "gw-1", "uid", device.uid]);
    expect(JSON.parse(entry?.[1][7] ?? "")).toMatchObject([
      { type: "device.changed", seq: 1, revision: 1, actor },
    ]);
    expect(await redis.client.smembers(keysOf("gw-1").logs)).toEqual(["p"]);
  });
});

describe("committing a change", () => {
  it("refuses a stale revision, and the other change of the same call is stored all the same", async () => {
    const { devices, device } = await withDevice();
    await devices.create("p", [{ identity: "gw-2" }], actor);
    const other = (await loaded(devices, "gw-2")).device;
    expect(await devices.commitMany([change(device, { tags: { a: "1" } })])).toEqual(["done"]);
    const results = await devices.commitMany([
      change(device, { tags: { a: "2" } }),
      change(other, { drifted: true }),
    ]);
    expect(results).toEqual(["stale", "done"]);
    expect((await loaded(devices, "gw-1")).device.tags).toEqual({ a: "1" });
  });

  it("lets one of two concurrent committers through", async () => {
    const { devices, another, device } = await withDevice();
    const elsewhere = another();
    const same = (await loaded(elsewhere, "gw-1")).device;
    const results = await Promise.all([
      devices.commitMany([change(device, { historySeq: 1 })]),
      elsewhere.commitMany([change(same, { historySeq: 2 })]),
    ]);
    expect(results.flat().sort()).toEqual(["done", "stale"]);
  });

  it("goes on from the state it stored without another read, and from a copy with one", async () => {
    const { devices, device } = await withDevice();
    const first = change(device, { tags: { a: "1" } });
    await devices.commitMany([first]);
    if (first.after === undefined) throw new Error("not a removal");
    expect(await devices.commitMany([change(first.after, { tags: { b: "1" } })])).toEqual(["done"]);
    const copy = structuredClone((await loaded(devices, "gw-1")).device);
    expect(await devices.commitMany([change(copy, { tags: { c: "1" } })])).toEqual(["done"]);
    const stale = structuredClone(device);
    expect(await devices.commitMany([change(stale, { tags: {} })])).toEqual(["stale"]);
    expect((await loaded(devices, "gw-1")).device.tags).toEqual({ c: "1" });
  });

  it("is fenced by a deployment that changed since", async () => {
    const { devices, deployments, device } = await withDevice();
    deployments.set("d1", deployment("d1", 1));
    await devices.fence("d1", "p", 5);
    await devices.fence("d1", "p", 4);
    const fenced = change(device, {}, { fences: [{ deploymentId: "d1", generation: 4 }] });
    expect(await devices.commitMany([fenced])).toEqual(["fenced"]);
    const fair = change(device, {}, { fences: [{ deploymentId: "d1", generation: 5 }] });
    expect(await devices.commitMany([fair])).toEqual(["done"]);
    expect((await dirty(devices)).map(({ deploymentId }) => deploymentId)).toEqual(["d1"]);
  });

  it("writes nothing at all where any of its keys holds something of another type", async () => {
    const event: JournalEvent = { at: 1, type: "device.changed", seq: 2, actor, revision: 2 };
    const prepare = async () => {
      await redis.flush();
      const { devices, deployments, device } = await withDevice();
      deployments.set("d1", deployment("d1", 1));
      await devices.enrol("d1", "p", ["gw-1"]);
      const before = (await loaded(devices, "gw-1")).device;
      const long = "m".repeat(2000);
      const next = {
        ...{ updates: [sent("d1", { message: long })], historySeq: 1, eventSeq: 2, tags: { a: "b" } },
        ...{ installedVersion: "2.0.0", drifted: true },
      };
      const lines = [{ seq: 1, at: 1, kind: "system" as const, actor }];
      const beside = { dueAt: 5, lines, events: [event], seenAt: 5, notify: true };
      return { devices, device, whole: change(before, next, beside) };
    };
    const first = await prepare();
    const keysBefore = await redis.client.keys("*");
    expect(await first.devices.commitMany([first.whole])).toEqual(["done"]);
    const touched = new Set([...(await redis.client.keys("otau:{*")), ...keysBefore]);
    const untouched = [":ids:", ":c:", ":n:", ":products", ":all", "=none", ":members", "otau:meta"];
    const written = [...touched].filter((key) => !untouched.some((part) => key.includes(part)));
    expect(written.length).toBeGreaterThan(14);
    for (const key of written) {
      const { devices, whole } = await prepare();
      await redis.client.del(key);
      if (key.includes("state=") || key.includes("seen")) await redis.client.hset(key, "planted", "1");
      else if (key.includes("dep:d1:")) await redis.client.rpush(key, "planted");
      else if (/tag|version=|drifted/.test(key)) await redis.client.zadd(key, 1, "planted");
      else await redis.client.set(key, "planted");
      const before = await snapshot();
      await expect(devices.commitMany([whole]), key).rejects.toThrow(key);
      expect(await snapshot()).toEqual(before);
    }
  });

  it("answers done, and does nothing twice, when its reply was lost and it is sent again", async () => {
    const { devices, device } = await withDevice();
    const fields = { tags: { a: "1" }, historySeq: 1 };
    const again = repeatingClient();
    try {
      const lines: DeviceChange["lines"] = [{ seq: 1, at: 1, kind: "system", actor }];
      expect(await devices.commitMany([change(device, fields, { lines })])).toEqual(["done"]);
      expect(again.repeats()).toEqual([[0]]);
    } finally {
      again.restore();
    }
    const page = await devices.history({ productId: "p", identity: "gw-1" }, { limit: 10, order: "asc" });
    expect(page?.lines).toHaveLength(1);
  });
});

/** Everything the store holds, byte for byte. */
async function snapshot() {
  const keys = (await redis.client.keys("*")).sort();
  return Promise.all(keys.map(async (key) => [key, (await redis.client.dumpBuffer(key))?.toString("hex")]));
}

/** Sends each script with fields of a commit a second time, as the client does when a reply is lost. */
function repeatingClient() {
  const { client } = redis;
  const evalsha = client.evalsha.bind(client) as (...args: unknown[]) => Promise<unknown>;
  const repeats: unknown[] = [];
  const patched = client as unknown as { evalsha: (...args: unknown[]) => Promise<unknown> };
  patched.evalsha = async (...args) => {
    const reply = await evalsha(...args);
    repeats.push(await evalsha(...args));
    return reply;
  };
  return { repeats: () => repeats, restore: () => Reflect.deleteProperty(client, "evalsha") };
}

async function dirty(devices: Awaited<ReturnType<typeof openDevices>>["devices"]) {
  const shards = Array.from({ length: devices.shardCount }, (_, shard) =>
    devices.dirtyDeployments(shard, 10),
  );
  return (await Promise.all(shards)).flat();
}

describe("where updates live", () => {
  it("keeps the live one and the newest written one with the device, older ones apart", async () => {
    const { devices, deployments, device } = await withDevice();
    for (const seq of [1, 2, 3, 4]) deployments.set(`d${seq}`, deployment(`d${seq}`, seq));
    const updates = [
      update("d1", { state: "succeeded", revision: 9, everDelivered: true, endedAt: 7 }),
      update("d2", { state: "skipped", reason: "ALREADY_INSTALLED", revision: 2 }),
      update("d3", { state: "failed", revision: 9, everDelivered: true, message: "x".repeat(4096) }),
      sent("d4"),
    ];
    await devices.commitMany([change(device, { updates })]);
    const near = await loaded(devices, "gw-1");
    expect(near.device.updates.map(({ deploymentId }) => deploymentId)).toEqual(["d3", "d4"]);
    expect(near.device.pastLoaded).toBe(false);
    expect([...near.deployments.keys()].sort()).toEqual(["d3", "d4"]);
    const whole = await loaded(devices, "gw-1", { past: true });
    expect(whole.device.updates).toEqual(updates);
    expect(await redis.client.object("ENCODING", keysOf("gw-1").device("p", "gw-1"))).toBe("listpack");
  });

  it("keeps an older update that becomes the newest waiting one again by a retry, and its record with it", async () => {
    const { devices, deployments, device } = await withDevice();
    deployments.set("d1", deployment("d1", 1));
    deployments.set("d2", deployment("d2", 2));
    const canceled = update("d1", { state: "canceled", reason: "CANCELED", revision: 3 });
    await devices.commitMany([change(device, { updates: [canceled, sent("d2")] })]);
    const whole = (await loaded(devices, "gw-1", { past: true })).device;
    const reopened = update("d1", { maxAttempts: 6, revision: 4, ready: true });
    await devices.commitMany([change(whole, { updates: [reopened, sent("d2")] })]);
    const near = (await loaded(devices, "gw-1")).device;
    expect(near.updates).toEqual([reopened, sent("d2")]);
    const superseded = { ...reopened, state: "superseded" as const, revision: 5 };
    await devices.commitMany([change(near, { updates: [superseded, sent("d2")] })]);
    expect((await loaded(devices, "gw-1", { past: true })).device.updates).toEqual([superseded, sent("d2")]);
  });

  it("does not lose a membership whose deployment is not accepted yet, and does not show it", async () => {
    const { devices, deployments } = await withDevice();
    await devices.enrol("d1", "p", ["gw-1"]);
    const before = (await loaded(devices, "gw-1")).device;
    expect(before.updates).toEqual([]);
    await devices.commitMany([change(before, { tags: {} })]);
    deployments.set("d1", deployment("d1", 1));
    const { device } = await loaded(devices, "gw-1");
    expect(device.updates).toEqual([update("d1", { createdAt: 1_790_000_000_001, ready: true })]);
    expect(await devices.totals("d1")).toMatchObject({ total: 1, waiting: 1 });
  });

  it("remembers that a waiting update was held back, and a changed time of creation", async () => {
    const { devices, deployments } = await withDevice();
    deployments.set("d1", deployment("d1", 1));
    await devices.enrol("d1", "p", ["gw-1"]);
    const { device } = await loaded(devices, "gw-1");
    const held = update("d1", { createdAt: 1_790_000_000_555, revision: 2 });
    await devices.commitMany([change(device, { updates: [held] })]);
    expect((await loaded(devices, "gw-1")).device.updates).toEqual([held]);
    expect((await devices.readyMembers("d1", "p", shardOf("p", "gw-1", 16), 0, 10)).refs).toEqual([]);
  });
});

describe("membership of a deployment", () => {
  const identities = Array.from({ length: 300 }, (_, at) => `dev-${String(at).padStart(4, "0")}`);

  async function enrolled() {
    const store = await openDevices(redis, { shardCount: 2 });
    await store.devices.create(
      "p",
      identities.map((identity) => ({ identity })),
      actor,
    );
    store.deployments.set("d1", deployment("d1", 1));
    await store.devices.enrol("d1", "p", [...identities, "unknown"]);
    return store;
  }

  it("is stored once per device, skips unknown ones, and counts exactly", async () => {
    const { devices } = await enrolled();
    expect(await devices.enrol("d1", "p", [...identities, "unknown"])).toEqual({ enrolled: 300 });
    expect(await devices.totals("d1")).toMatchObject({ total: 300, waiting: 300, sent: 0 });
    expect((await loaded(devices, "dev-0007")).device.revision).toBe(2);
    expect(await devices.count("p", { updateState: ["waiting"] })).toBe(300);
    expect(await devices.count("p", { updateState: ["none"] })).toBe(0);
  });

  it("is read by ordinal page by page, and by identity over all shards", async () => {
    const { devices } = await enrolled();
    const found: string[] = [];
    for (const shard of [0, 1]) {
      let from: number | undefined = 0;
      while (from !== undefined) {
        const page = await devices.readyMembers("d1", "p", shard, from, 7);
        expect(page.refs.length).toBeLessThanOrEqual(7);
        found.push(...page.refs.map(({ identity }) => identity));
        from = page.next;
      }
    }
    expect(found.sort()).toEqual(identities);
    const byIdentity: string[] = [];
    let after: string | undefined;
    do {
      const page = await devices.membersByIdentity("d1", "p", { limit: 33, ...(after ? { after } : {}) });
      byIdentity.push(...page.refs.map(({ identity }) => identity));
      after = page.next;
    } while (after !== undefined);
    expect(byIdentity).toEqual(identities);
  });

  it("ends with a device, so that the deployment can finish", async () => {
    const { devices } = await enrolled();
    const { device } = await loaded(devices, "dev-0001");
    await devices.commitMany([{ ...change(device, {}), after: undefined }]);
    expect(await devices.totals("d1")).toMatchObject({ total: 300, waiting: 299, canceled: 1 });
  });

  it("outgrows its field, and comes back whole", async () => {
    const { devices, deployments } = await openDevices(redis);
    await devices.create("p", [{ identity: "gw-1" }], actor);
    const ids = Array.from({ length: 40 }, (_, at) => `deployment${String(at).padStart(4, "0")}`);
    for (const [seq, id] of ids.entries()) {
      deployments.set(id, deployment(id, seq));
      expect(await devices.enrol(id, "p", ["gw-1"])).toEqual({ enrolled: 1 });
    }
    const { device } = await loaded(devices, "gw-1");
    expect(device.updates.map(({ deploymentId }) => deploymentId)).toEqual(ids);
    expect(await devices.enrol(ids[3] ?? "", "p", ["gw-1"])).toEqual({ enrolled: 1 });
    await devices.commitMany([
      change(device, { updates: device.updates.map((each) => ({ ...each, revision: 2 })) }),
    ]);
    expect((await loaded(devices, "gw-1")).device.updates.every(({ revision }) => revision === 2)).toBe(true);
  });

  it("that was never accepted can be taken back without a trace", async () => {
    const { devices, deployments } = await enrolled();
    deployments.delete("d1");
    await devices.enrol("d2", "p", ["dev-0001"]);
    await devices.unenrol("d1", "p");
    await devices.unenrol("d2", "p");
    expect(await redis.client.keys("*dep:*")).toEqual([]);
    expect(await devices.count("p", { updateState: ["none"] })).toBe(300);
    expect(await dirty(devices)).toEqual([]);
    deployments.set("d1", deployment("d1", 1));
    expect((await loaded(devices, "dev-0001")).device.updates).toEqual([]);
  });

  it("becomes due at the deployment's end without losing an earlier time", async () => {
    const { devices, clock, deployments } = await openDevices(redis);
    await devices.create("p", [{ identity: "a" }, { identity: "b" }], actor);
    const now = await devices.now();
    const { device } = await loaded(devices, "a");
    await devices.commitMany([change(device, {}, { dueAt: now + 1000 })]);
    deployments.set("d1", deployment("d1", 1, { expiresAt: now + 5000 }));
    await devices.enrol("d1", "p", ["a", "b"], now + 5000);
    const due = async () => {
      const pages = await Promise.all([...devicesOf(16)].map((shard) => devices.due(shard, 10)));
      return pages.flatMap(({ refs }) => refs.map(({ identity }) => identity)).sort();
    };
    await clock.advance(2000);
    expect(await due()).toEqual(["a"]);
    await clock.advance(4000);
    expect(await due()).toEqual(["a", "b"]);
  });
});

function devicesOf(shardCount: number) {
  return Array.from({ length: shardCount }, (_, shard) => shard);
}

describe("what is due", () => {
  it("is read by the store's clock, stays until a commit moves it, and is put back where it is missing", async () => {
    const { devices, deployments, device, clock } = await withDevice();
    deployments.set("d1", deployment("d1", 1));
    const shard = shardOf("p", "gw-1", 16);
    const now = await devices.now();
    const live = sent("d1", {
      sentAt: now,
      deadlineAt: now + 60_000,
      totalDeadlineAt: now + 90_000,
      slot: true,
    });
    const { slot: _slot, ...undelivered } = live;
    await devices.commitMany([change(device, { updates: [undelivered] }, { dueAt: now + 60_000 })]);
    expect((await devices.due(shard, 10)).refs).toEqual([]);
    await clock.advance(60_001);
    expect(await devices.due(shard, 10)).toMatchObject({
      refs: [{ productId: "p", identity: "gw-1" }],
      oldestDueAt: now + 60_000,
    });
    expect(await devices.repairDue(shard, 0, 100)).toEqual({ repaired: 0 });
    await redis.client.del(keysOf("gw-1").due);
    expect(await devices.repairDue(shard, 0, 100)).toEqual({ repaired: 1 });
    expect((await devices.due(shard, 10)).oldestDueAt).toBe(now + 60_000);
    await devices.commitMany([change((await loaded(devices, "gw-1")).device, {})]);
    expect((await devices.due(shard, 10)).refs).toEqual([]);
  });
});

describe("history", () => {
  const line = (seq: number, over: object = {}) => ({
    seq,
    at: seq,
    kind: "report" as const,
    actor,
    ...over,
  });
  const ref = { productId: "p", identity: "gw-1" };

  it("is read in both orders page by page, with folds counted where they were folded in", async () => {
    const { devices, device } = await withDevice();
    const lines = [1, 2, 3, 4, 5].map((seq) => line(seq, seq === 3 ? { count: 1 } : {}));
    await devices.commitMany([change(device, { historySeq: 5 }, { lines })]);
    const folds = [
      { seq: 3, lastAt: 77 },
      { seq: 5, lastAt: 78, message: "50 %\n“half”" },
    ];
    await devices.commitMany([
      change((await loaded(devices, "gw-1")).device, { historySeq: 6 }, { lines: [line(6)], folds }),
    ]);
    const first = await devices.history(ref, { limit: 4, order: "asc" });
    expect(first).toMatchObject({ uid: device.uid, next: 4 });
    const rest = await devices.history(ref, { limit: 4, order: "asc", after: 4 });
    expect(rest).not.toHaveProperty("next");
    expect([...(first?.lines ?? []), ...(rest?.lines ?? [])]).toEqual([
      ...[line(1), line(2), line(3, { count: 2, lastAt: 77 }), line(4)],
      ...[line(5, { count: 2, lastAt: 78, message: "50 %\n“half”" }), line(6)],
    ]);
    const newest = await devices.history(ref, { limit: 2, order: "desc" });
    expect(newest?.lines.map(({ seq }) => seq)).toEqual([6, 5]);
    const older = await devices.history(ref, { limit: 9, order: "desc", after: newest?.next ?? 0 });
    expect(older?.lines.map(({ seq }) => seq)).toEqual([4, 3, 2, 1]);
  });

  it("keeps the newest 500 lines, for 30 days", async () => {
    const { devices, device } = await withDevice();
    const lines = Array.from({ length: 510 }, (_, at) => line(at + 1));
    await devices.commitMany([change(device, { historySeq: 510 }, { lines })]);
    const page = await devices.history(ref, { limit: 3, order: "asc" });
    expect(page?.lines.map(({ seq }) => seq)).toEqual([11, 12, 13]);
    const ttlMs = await redis.client.pttl(keysOf("gw-1").history("p", "gw-1"));
    expect(ttlMs).toBeGreaterThan(29 * 86_400_000);
  });
});

describe("deleting a device", () => {
  it("takes it out of everything but its history, which starts anew with a new device", async () => {
    const { devices, deployments, device } = await withDevice();
    const ref = { productId: "p", identity: "gw-1" };
    deployments.set("d1", deployment("d1", 1));
    const lines = [{ seq: 1, at: 1, kind: "system" as const, actor }];
    await devices.commitMany([
      change(device, { drifted: true, historySeq: 1 }, { lines, dueAt: 5, seenAt: 5 }),
    ]);
    const before = (await loaded(devices, "gw-1")).device;
    expect(await devices.commitMany([{ ...change(before, {}), after: undefined }])).toEqual(["done"]);
    expect(await devices.load(ref)).toBeUndefined();
    expect(await devices.unknown("p", ["gw-1"])).toEqual(["gw-1"]);
    expect(await devices.commitMany([change(before, {})])).toEqual(["gone"]);
    expect(await devices.summary("p")).toMatchObject({ total: 0, drifted: 0, byInstalledVersion: [] });
    expect(await devices.list("p", {}, { limit: 10 })).toEqual({ rows: [] });
    expect(await devices.isEmpty("p")).toBe(true);
    expect(await devices.writeResources(ref, { a: 1 }, "device", 5)).toBe(false);
    const kept = await devices.history(ref, { limit: 10, order: "asc" });
    expect(kept).toMatchObject({ uid: device.uid, lines });

    expect(await devices.create("p", [{ identity: "gw-1" }], actor)).toEqual({
      created: ["gw-1"],
      existing: [],
    });
    const again = (await loaded(devices, "gw-1")).device;
    expect(again.uid).not.toBe(device.uid);
    expect(again.revision).toBe(before.revision + 2);
    expect(again.tags).toEqual({});
    expect((await devices.history(ref, { limit: 10, order: "asc" }))?.lines).toEqual([]);
    expect(await redis.client.pttl(keysOf("gw-1").device("p", "gw-1"))).toBe(-1);
  });
});

describe("credentials, resources and being seen", () => {
  it("go with the device, each changed without touching the others", async () => {
    const { devices, device } = await withDevice();
    const ref = { productId: "p", identity: "gw-1" };
    await devices.commitMany([
      change(device, {}, { tokenPrefix: "0123456789abcdef", activatedAt: 77, seenAt: 88 }),
    ]);
    await devices.writeResources(ref, { temp: { c: 21.5 }, note: "é".repeat(500) }, "device", 1000);
    const { extras, device: next } = await loaded(devices, "gw-1");
    expect(extras).toEqual({ tokenPrefix: "0123456789abcdef", activatedAt: 77, lastSeenAt: 88 });
    await devices.writeResources(ref, { temp: "off" }, "cloud", 2000);
    await devices.commitMany([
      change(next, { tags: { long: "t".repeat(256) } }, { tokenPrefix: null, activatedAt: null }),
    ]);
    expect(await devices.readResources(ref)).toEqual({
      temp: { timestamp: 2000, set: "off", reported: { c: 21.5 } },
      note: { timestamp: 1000, set: "é".repeat(500), reported: "é".repeat(500) },
    });
    await devices.writeResources(ref, { temp: 1, note: "short", config_otau: "{}" }, "device", 3000);
    expect(await devices.readResources(ref)).toEqual({
      temp: { timestamp: 3000, set: 1, reported: 1 },
      note: { timestamp: 3000, set: "short", reported: "short" },
      config_otau: { timestamp: 3000, reported: "{}" },
    });
    const last = await loaded(devices, "gw-1");
    expect(last.extras).toEqual({ lastSeenAt: 88 });
    expect(last.device.tags).toEqual({ long: "t".repeat(256) });
  });

  it("note being heard of at most every 20 seconds", async () => {
    const { devices, clock } = await withDevice();
    const ref = { productId: "p", identity: "gw-1" };
    await devices.touch(ref);
    const first = (await loaded(devices, "gw-1")).extras.lastSeenAt ?? 0;
    await clock.advance(10_000);
    await devices.touch(ref);
    expect((await loaded(devices, "gw-1")).extras.lastSeenAt).toBe(first);
    await clock.advance(11_000);
    await devices.touch(ref);
    expect((await loaded(devices, "gw-1")).extras.lastSeenAt).toBeGreaterThanOrEqual(first + 20_000);
  });
});
