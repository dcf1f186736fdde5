import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { connectPacket, publishPacket, subscribePacket } from "../gateway/mqtt/packets.ts";
import { openRawSocket } from "../gateway/support/raw-socket.ts";
import { startApp, type TestApp } from "../support/app.ts";
import {
  addDevices,
  configFor,
  connectDevice,
  type DeviceConnection,
  product,
  reportsOf,
  reportText,
  setConfig,
} from "./support.ts";

/** What a curious device subscribes to, and whether it may: what is granted covers its own values alone. */
const filters: readonly (readonly [filter: string, isGranted: boolean])[] = [
  ["#", false],
  ["+", false],
  ["+/#", false],
  ["+/+", false],
  ["+/+/+", false],
  ["+/config_otau/#", false],
  ["$resource/#", true],
  ["$resource/+", true],
  ["$resource/+/+", true],
  ["$resource/config_otau/#", true],
  ["$resource/config_otau", true],
  ["$resource.batch", false],
  ["$resource.batch/#", false],
  ["$RESOURCE/#", false],
  ["$Resource/config_otau/#", false],
  ["resource/#", false],
  ["/$resource/#", false],
  [" $resource/#", false],
  ["$resource/# ", false],
  ["$share/g/#", false],
  ["$share/g/$resource/#", false],
  ["$queue/#", false],
  ["$SYS/#", false],
  ["$SYS/broker/clients/+", false],
  ["+/gw-2/otau_in", false],
  ["gw-2/#", false],
  ["device/default/gw-2/#", false],
  ["gw-1/../gw-2", false],
  ["gw-1//otau_in", false],
  ["own/#", false],
  ["own/0", false],
  ["refused/0", false],
  ["", false],
  ["#/config_otau", false],
  ["$resource/#/x", false],
  ["$resource/co+nfig", false],
  ["$resource/config_otau\0", false],
];

/** Identities that must not be taken for one another, nor for topics. */
const alike = [
  "gw-1",
  "gw-2",
  "gw-10",
  "GW-1",
  "gw.1",
  "gw:1",
  "gw@1",
  "0",
  "a..b",
  "00:1B:44:11:3A:B7",
  "SYS",
];

/** What no device may be called. */
const inadmissible = [
  "#",
  "+",
  "$SYS",
  "gw-1/../gw-2",
  "gw-1/",
  "/gw-1",
  "..",
  "*",
  "{s1}",
  "gw 1",
  "gw\n1",
  "ǵw",
];

let app: TestApp;
let tokens: Readonly<Record<string, string>>;
const open: DeviceConnection[] = [];

beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());
afterEach(async () => {
  await Promise.all(open.splice(0).map(({ drop }) => drop()));
});

async function come(identity: string, options?: Parameters<typeof connectDevice>[2]) {
  const connection = await connectDevice(app.mqttUrl ?? "", tokens[identity] ?? "", options);
  open.push(connection);
  return connection;
}

async function renew(identities: readonly string[]): Promise<void> {
  for (const identity of identities)
    await app.call("DELETE", `${product}/devices/${encodeURIComponent(identity)}`);
  tokens = await addDevices(app, identities);
}

/** A connection of `gw-1` on which one SUBSCRIBE for everything was answered, code by code. */
async function comeCurious() {
  const socket = await openRawSocket(Number(new URL(app.mqttUrl ?? "").port));
  socket.send(
    connectPacket({ user: "", password: tokens["gw-1"] ?? "", clientId: "gw-2", cleanSession: false }),
  );
  await socket.until("\x20\x02\x00\x00");
  return socket;
}

const codeOf = (isGranted: boolean): string => (isGranted ? "\x01" : "\x80");

describe("a device that subscribes to everything", () => {
  it("is answered for each filter, and sent its own values alone, live and queued", async () => {
    await renew(["gw-1", "gw-2", "gw-10"]);
    const socket = await comeCurious();
    socket.clear();
    socket.send(subscribePacket(7, ...filters.map(([filter]) => filter)));
    const codes = filters.map(([, isGranted]) => codeOf(isGranted)).join("");
    await socket.until(`\x90${String.fromCharCode(2 + filters.length)}\x00\x07${codes}`);
    for (const [filter, isGranted] of filters) {
      socket.clear();
      socket.send(subscribePacket(8, filter));
      await socket.until(`\x90\x03\x00\x08${codeOf(isGranted)}`);
    }
    // Others get values and write, retained too; then a value of its own marks the end of what could have come.
    socket.clear();
    const other = await come("gw-2");
    await setConfig(app, "gw-2");
    await setConfig(app, "gw-10");
    await other.client.publishAsync("$resource/secret", "of gw-2", { qos: 1, retain: true });
    await other.client.publishAsync("$resource/otau_in", reportText("INIT", "of gw-2"), {
      qos: 1,
      retain: true,
    });
    await setConfig(app, "gw-1");
    const live = await socket.until(configFor("gw-1"));
    expect(live).not.toMatch(/gw-2|gw-10|secret/);
    expect(other.messages.map(({ text }) => text)).toEqual([configFor("gw-2")]);
    socket.destroy();
    await setConfig(app, "gw-2", "1.0.2");
    await setConfig(app, "gw-1", "1.0.2");
    const again = await comeCurious();
    again.send(subscribePacket(9, ...filters.map(([filter]) => filter)));
    const queued = await again.until(configFor("gw-1", "1.0.2"));
    await again.until(`\x90${String.fromCharCode(2 + filters.length)}\x00\x09${codes}`);
    expect(queued).not.toMatch(/gw-2|gw-10|secret/);
    again.destroy();
  });
});

describe("a subscription for QoS 2", () => {
  it("is granted as QoS 1, which is what values come with", async () => {
    await renew(["gw-1"]);
    const { client } = await come("gw-1");
    const granted = await client.subscribeAsync({ "$resource/#": { qos: 2 }, "$resource/+": { qos: 0 } });
    expect(granted.map(({ qos }) => qos)).toEqual([1, 0]);
  });
});

describe("devices whose identities are alike", () => {
  it("each get their own value, live and queued", async () => {
    await renew(alike);
    for (const identity of alike) await setConfig(app, identity, "queued");
    const connections = new Map<string, DeviceConnection>();
    for (const identity of alike)
      connections.set(identity, await come(identity, { clientId: "all-the-same" }));
    for (const [, connection] of connections) await connection.until(1);
    for (const identity of alike) await setConfig(app, identity, "live");
    for (const [identity, connection] of connections) {
      await connection.until(2);
      const texts = connection.messages.map(({ text }) => text);
      expect(texts, identity).toEqual([configFor(identity, "queued"), configFor(identity, "live")]);
      for (const { topic } of connection.messages) expect(topic).toMatch(/^\$resource\/config_otau\/\d{16}$/);
    }
  });
});

describe("an identity that is none", () => {
  it.each(inadmissible)("%j is refused by the API and by $provision", async (identity) => {
    const put = await app.call("PUT", `${product}/devices/${encodeURIComponent(identity)}`, {});
    expect([400, 404]).toContain(put.status);
    const socket = await openRawSocket(Number(new URL(app.mqttUrl ?? "").port));
    socket.send(connectPacket({}));
    await socket.until("\x20\x02\x00\x00");
    socket.clear();
    socket.send(publishPacket(`$provision/${identity}`, "", 1));
    expect(await socket.ended()).toBe("");
  });
});

describe("a publish to what is not the device's own", () => {
  const topics: readonly string[] = [
    "gw-2/otau_in",
    "$resource/gw-2/otau_in",
    "$resource/otau_in/",
    "$resource/../gw-2/otau_in",
    "$RESOURCE/otau_in",
    "$SYS/broker/uptime",
    "$share/g/$resource/otau_in",
    "device/default/gw-2",
    "$provision/gw-2",
    "$resource",
    "$resource/",
    "own/0",
  ];
  it.each(topics)("%s ends the connection and changes nothing", async (topic) => {
    if (tokens["gw-1"] === undefined || tokens["gw-2"] === undefined) await renew(["gw-1", "gw-2"]);
    const before = (await reportsOf(app, "gw-2")).length;
    const socket = await comeCurious();
    socket.clear();
    socket.send(publishPacket(topic, reportText("INIT", "of gw-1"), 1, 3, true));
    expect(await socket.ended()).not.toContain("\x40\x02\x00\x03");
    expect(await reportsOf(app, "gw-2")).toHaveLength(before);
  });

  it("config_otau is an echo: what is wanted stays, and it is no report", async () => {
    await renew(["gw-1"]);
    await setConfig(app, "gw-1");
    const connection = await come("gw-1");
    await connection.until(1);
    await connection.client.publishAsync("$resource/config_otau", "something else", { qos: 1, retain: true });
    const state = await app.call<{ config_otau?: { set: string; reported: string } }>(
      "GET",
      `${product}/devices/gw-1/state`,
    );
    expect(state.body).toMatchObject({ config_otau: { set: configFor("gw-1"), reported: "something else" } });
    expect(await reportsOf(app, "gw-1")).toEqual([]);
  });
});
