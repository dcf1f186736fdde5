import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  closed,
  type Listener,
  openListener,
  otherToken,
  type TestClient,
  token,
  untilMessages,
} from "./support.ts";

let listener: Listener;
let clients: TestClient[];

beforeEach(async () => {
  listener = await openListener({ recheckMs: 250 });
  clients = [];
});

afterEach(async () => {
  for (const client of clients) client.end(true);
  await listener.server.close(0);
});

const connect = async (options = {}): Promise<TestClient> => {
  const client = await listener.connect(options);
  clients.push(client);
  return client;
};

const untilWatchers = async (count: number): Promise<void> => {
  while (listener.access.watchers() !== count) await new Promise((resolve) => setImmediate(resolve));
};

const stampUs = 1_700_000_000_123_456;

describe("values", () => {
  it("that were set while the device was away come when it connects, without a subscription", async () => {
    listener.access.set("gw-1", "data_out", "later", stampUs + 1);
    listener.access.set("gw-1", "config_otau", '{"version":"1"}', stampUs);
    const client = await connect();
    await untilMessages(client, 2);
    expect(client.messages).toEqual([
      [`$resource/config_otau/${stampUs}`, '{"version":"1"}'],
      [`$resource/data_out/${stampUs + 1}`, "later"],
    ]);
  });

  it("that are set while it is there come at once, to it alone", async () => {
    const client = await connect();
    const other = await connect({ password: otherToken });
    await other.subscribeAsync("$resource/#");
    listener.access.set("gw-1", "config_otau", "v1", stampUs);
    await untilMessages(client, 1);
    listener.access.set("gw-2", "config_otau", "v2", stampUs + 1);
    await untilMessages(other, 1);
    expect(client.messages).toEqual([[`$resource/config_otau/${stampUs}`, "v1"]]);
    expect(other.messages).toEqual([[`$resource/config_otau/${stampUs + 1}`, "v2"]]);
  });

  it("come even if the hint is lost", async () => {
    const client = await connect();
    listener.access.set("gw-1", "config_otau", "v1", stampUs, { hint: false });
    await untilMessages(client, 1);
  });

  it("come again until they are acknowledged, then no more", async () => {
    listener.access.set("gw-1", "config_otau", "v1", stampUs);
    const deaf = await connect();
    // Takes the message and never acknowledges it.
    deaf.handleMessage = () => {};
    await untilMessages(deaf, 1);
    deaf.end(true);
    const client = await connect();
    await untilMessages(client, 1);
    expect(client.messages).toEqual([[`$resource/config_otau/${stampUs}`, "v1"]]);
    // A later publish is acknowledged after the message was.
    await client.publishAsync("$resource/otau_in", "x", { qos: 1 });
    client.end(true);
    const again = await connect();
    listener.access.set("gw-1", "data_out", "next", stampUs + 1);
    await untilMessages(again, 1);
    expect(again.messages).toEqual([[`$resource/data_out/${stampUs + 1}`, "next"]]);
  });

  it("never come older after newer", async () => {
    const client = await connect();
    listener.access.set("gw-1", "config_otau", "new", stampUs + 10);
    await untilMessages(client, 1);
    listener.access.set("gw-1", "config_otau", "old", stampUs);
    listener.access.set("gw-1", "data_out", "x", stampUs + 20);
    await untilMessages(client, 2);
    expect(client.messages.map(([, payload]) => payload)).toEqual(["new", "x"]);
  });

  it("that the device wrote itself do not come back to it", async () => {
    const client = await connect();
    listener.access.set("gw-1", "data_out", "v1", stampUs);
    await untilMessages(client, 1);
    await client.publishAsync("$resource/data_out", "v1", { qos: 1 });
    listener.access.set("gw-1", "config_otau", "v2", stampUs + 10_000_000);
    await untilMessages(client, 2);
    expect(client.messages.map(([, payload]) => payload)).toEqual(["v1", "v2"]);
  });
});

describe("a session", () => {
  it("is ended by a newer one of the same device, whatever the client identifiers say", async () => {
    const first = await connect({ clientId: "one" });
    const ended = closed(first);
    const second = await connect({ clientId: "two" });
    await ended;
    listener.access.set("gw-1", "config_otau", "v1", stampUs);
    await untilMessages(second, 1);
    await untilWatchers(1);
  });

  it("is ended by a newer one at another listener, before that one stores anything", async () => {
    const elsewhere = await openListener({}, listener.access);
    const first = await connect();
    const ended = closed(first);
    clients.push(await elsewhere.connect());
    await ended;
    await untilWatchers(1);
    await elsewhere.server.close(0);
  });

  it("is not ended by another device that uses its client identifier", async () => {
    const first = await connect({ clientId: "same" });
    await connect({ clientId: "same", password: otherToken });
    await first.publishAsync("$resource/a", "1", { qos: 1 });
    expect(listener.access.written.map(({ identity }) => identity)).toEqual(["gw-1"]);
  });

  it("has what it sent stored before what the next one sends", async () => {
    const first = await connect();
    const open = listener.access.holdWrites();
    first.publish("$resource/a", "old", { qos: 1 });
    await first.publishAsync("$resource/a", "old too", { qos: 0 });
    const second = await connect();
    const stored = second.publishAsync("$resource/a", "new", { qos: 1 });
    open();
    await stored;
    expect(listener.access.written.map(({ entry }) => entry.values["a"]).at(-1)).toBe("new");
  });

  it("ends when its token is revoked", async () => {
    const client = await connect();
    const ended = closed(client);
    listener.access.revoke(token);
    await ended;
  });

  it("survives a store that is away for a while", async () => {
    const client = await connect();
    listener.access.isAway = true;
    listener.access.set("gw-1", "config_otau", "v1", stampUs);
    await new Promise((resolve) => setImmediate(resolve));
    listener.access.isAway = false;
    await untilMessages(client, 1);
  });
});

describe("the listener", () => {
  it("acknowledges what is being stored before it closes", async () => {
    const client = await connect();
    const open = listener.access.holdWrites();
    const stored = client.publishAsync("$resource/a", "1", { qos: 1 });
    await client.publishAsync("$resource/b", "1", { qos: 0 });
    while (listener.access.pendingWrites() === 0) await new Promise((resolve) => setImmediate(resolve));
    const over = listener.server.close(5_000);
    open();
    await Promise.all([stored, over]);
    expect(listener.access.written[0]?.entry.values).toEqual({ a: "1" });
  });

  it("cuts off connections without a token after a while", async () => {
    await listener.server.close(0);
    listener = await openListener({ anonymousMs: 20 });
    const client = await connect({ username: "", password: "" });
    await closed(client);
  });
});
