import { setTimeout as delay } from "node:timers/promises";
import { connect } from "mqtt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeStreamEvents } from "../../modules/usecases/stream-events.ts";
import { startApp, type TestApp } from "../support/app.ts";
import { openEvents, type SeenEvent } from "../support/event-stream.ts";

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

const base = "/products/default";
const follow = (query = "", lastEventId?: string, on: TestApp = app) =>
  openEvents(`${on.apiUrl}/api/v1${base}/stream${query}`, { token: on.token, lastEventId });
const create = (...identities: readonly string[]) =>
  app.call(
    "POST",
    `${base}/devices`,
    identities.map((identity) => ({ identity })),
  );
const of = (seen: readonly SeenEvent[], prefix: string) =>
  seen.map(({ data }) => String(data["identity"])).filter((identity) => identity.startsWith(prefix));
const named = (prefix: string, count: number) => Array.from({ length: count }, (_, at) => `${prefix}-${at}`);

describe("stream", () => {
  it("tells an event with id, type and data as server-sent events", async () => {
    const reader = await follow();
    expect(reader.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    await create("shape-0");
    await reader.until((seen) => of(seen, "shape").length === 1);
    const [first] = reader.seen.filter(({ data }) => data["identity"] === "shape-0");
    expect(first).toEqual({
      id: first?.id,
      event: "device.changed",
      data: {
        id: first?.id,
        at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        productId: "default",
        type: "device.changed",
        seq: 1,
        identity: "shape-0",
        actor: { kind: "token", id: "admin" },
        revision: 1,
      },
    });
    reader.close();
  });

  it("resumes after the last id without loss or doubling, also in another process", async () => {
    await using other = await startApp({ on: app, env: { OTAU_ROLES: "api" } });
    const first = await follow();
    await create("cut-0");
    await first.until((seen) => of(seen, "cut").length === 1);
    first.close();
    const between = named("cut", 51).slice(1);
    for (let at = 0; at < between.length; at += 10) await create(...between.slice(at, at + 10));
    const readers = [await follow("", first.lastId()), await follow("", first.lastId(), other)];
    await create("cut-51");
    for (const reader of readers) {
      await reader.until((seen) => of(seen, "cut").length >= 51);
      expect(of(reader.seen, "cut").toSorted()).toEqual([...between, "cut-51"].toSorted());
      const ids = reader.seen.map(({ id }) => Number(id));
      expect(ids).toEqual(ids.map((_, at) => (ids[0] ?? 0) + at));
      expect(ids[0]).toBe(Number(first.lastId()) + 1);
      reader.close();
    }
  });

  it("gives a reader that saw nothing yet an id to come back with", async () => {
    const first = await follow();
    await first.until(() => first.lastId() !== undefined);
    first.close();
    await create("early-0");
    const again = await follow("", first.lastId());
    await again.until((seen) => of(seen, "early").length === 1);
    again.close();
  });

  it("joins a reader to the others while events keep coming", async () => {
    const start = await follow();
    await start.until(() => start.lastId() !== undefined);
    start.close();
    const busy = create(...named("busy", 1500));
    const readers = await Promise.all(Array.from({ length: 5 }, () => follow("", start.lastId())));
    await busy;
    for (const reader of readers) {
      await reader.until((seen) => of(seen, "busy").length >= 1500);
      expect(new Set(of(reader.seen, "busy")).size).toBe(1500);
      expect(of(reader.seen, "busy")).toHaveLength(1500);
      reader.close();
    }
  });

  it("leaves out what the filters do not name", async () => {
    const readers = [
      await follow("?types=package.changed"),
      await follow("?types=package.changed,device.changed&identity=only-1&identity=only-2"),
      await follow("?deploymentId=none"),
    ];
    await create(...named("only", 3));
    await app.call("PUT", `${base}/content/package_only`);
    await readers[0]?.until((seen) => seen.length === 1);
    await readers[1]?.until((seen) => seen.length === 2);
    expect(readers[0]?.seen[0]?.event).toBe("package.changed");
    expect(of(readers[1]?.seen ?? [], "only").toSorted()).toEqual(["only-1", "only-2"]);
    expect(readers[2]?.seen).toEqual([]);
    for (const reader of readers) reader.close();
  });

  it("gives one event `gap` for an id that is older than the journal", async () => {
    for (const identity of named("gap", 3)) {
      await create(identity);
      const reader = await follow("", "1");
      // One by one, so that each is a lot of its own.
      await reader.until((seen) => of(seen, identity).length === 1);
      reader.close();
    }
    await app.redis.client.xtrim("otau:{p:default}:journal", "MAXLEN", 1);
    const reader = await follow("", "1");
    await reader.until((seen) => of(seen, "gap-2").length === 1);
    expect(reader.seen.map(({ event }) => event).filter((event) => event === "gap")).toHaveLength(1);
    expect(reader.seen[0]?.event).toBe("gap");
    expect(reader.seen[1]?.id).toBe(String(Number(reader.seen[0]?.id) + 1));
    reader.close();
    const ahead = await follow("", "999999999");
    await ahead.until((seen) => seen.length === 1);
    expect(ahead.seen[0]?.event).toBe("gap");
    ahead.close();
  });

  it.each([
    ["?types=none", undefined],
    ["?identity=", undefined],
    ["?other=1", undefined],
    ["", "yesterday"],
  ])("refuses %s with the last id %s", async (query, lastEventId) => {
    const headers = lastEventId === undefined ? {} : { "last-event-id": lastEventId };
    const reply = await app.call<{ code: string }>("GET", `${base}/stream${query}`, undefined, { headers });
    expect([reply.status, reply.body.code]).toEqual([400, "INVALID_INPUT"]);
  });

  it("is there for viewers of the product alone", async () => {
    expect((await app.call("GET", "/products/nobody/stream")).status).toBe(404);
    expect((await app.call("GET", `${base}/stream`, undefined, { token: null })).status).toBe(401);
  });

  it("ends with `end` for a reader that is more than 1 MiB behind, and for no other", async () => {
    const stream = makeStreamEvents({
      journal: app.stores.journal,
      pollMs: 5,
      heartbeatMs: 60_000,
      sleep: delay,
      log: { warn: () => undefined },
    });
    const sink = (takesAll: boolean) => {
      const left = new AbortController();
      const texts: string[] = [];
      const bytes = () => texts.reduce((sum, text) => sum + text.length, 0);
      return {
        texts,
        leave: () => left.abort(),
        write: (text: string) => void texts.push(takesAll ? text : text.padEnd(1200)),
        pendingBytes: () => (takesAll ? 0 : bytes()),
        drained: async () => undefined,
        signal: left.signal,
      };
    };
    const [stuck, quick] = [sink(false), sink(true)];
    const start = { after: undefined, filter: { types: ["device.changed"] } };
    const over = [stream.read("default", start, stuck), stream.read("default", start, quick)];
    await expect.poll(() => Math.min(stuck.texts.length, quick.texts.length)).toBe(1);
    await create(...named("late", 1200));
    await over[0];
    expect(stuck.texts.at(-1)).toContain("event: end\n");
    await expect.poll(() => quick.texts.length, { timeout: 5000 }).toBe(1201);
    expect(quick.texts.join("")).not.toContain("event: end");
    quick.leave();
    await over[1];
    stream.close();
  });

  it("lets a reader go whose token has ended", async () => {
    let isAllowed = true;
    const stream = makeStreamEvents({
      journal: app.stores.journal,
      pollMs: 5,
      heartbeatMs: 10,
      sleep: delay,
      log: { warn: () => undefined },
    });
    const texts: string[] = [];
    const sink = {
      write: (text: string) => void texts.push(text),
      pendingBytes: () => 0,
      drained: async () => undefined,
      signal: new AbortController().signal,
    };
    const over = stream.read(
      "default",
      { after: undefined, filter: {}, isAllowed: async () => isAllowed },
      sink,
    );
    await expect.poll(() => texts.filter((text) => text === ": still here\n\n").length).toBeGreaterThan(1);
    isAllowed = false;
    await over;
    stream.close();
  });

  it("tells when a device connects by MQTT and when it is gone", async () => {
    await create("mqtt-0");
    const { token } = (await app.call<{ token: string }>("POST", `${base}/devices/mqtt-0/token`)).body;
    const reader = await follow("?identity=mqtt-0&types=device.connected,device.disconnected");
    const client = connect(String(app.mqttUrl), { username: "", password: token, reconnectPeriod: 0 });
    await reader.until((seen) => seen.length === 1);
    await client.endAsync(true);
    await reader.until((seen) => seen.length === 2);
    expect(reader.seen.map(({ event }) => event)).toEqual(["device.connected", "device.disconnected"]);
    const seqs = reader.seen.map(({ data }) => Number(data["seq"]));
    expect(seqs[1]).toBe((seqs[0] ?? 0) + 1);
    expect(reader.seen[0]?.data["actor"]).toEqual({ kind: "device", id: "mqtt-0" });
    reader.close();
  });

  it("ends when the process does", async () => {
    const other = await startApp({ on: app, env: { OTAU_ROLES: "api" } });
    const reader = await follow("", undefined, other);
    await reader.until(() => reader.lastId() !== undefined);
    await other.close();
    await reader.ended;
  });
});
