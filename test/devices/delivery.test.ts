import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import mqtt from "mqtt";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { startApp, type TestApp } from "../support/app.ts";
import { startOwnRedis } from "../support/redis.ts";
import {
  addDevice,
  addDevices,
  configFor,
  connectDevice,
  type DeviceConnection,
  product,
  reportsOf,
  reportText,
  setConfig,
  setState,
} from "./support.ts";

const report = "$resource/otau_in";

let app: TestApp;
const open: DeviceConnection[] = [];

beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());
afterEach(async () => {
  await Promise.all(open.splice(0).map(({ drop }) => drop()));
});

async function come(
  token: string,
  options?: Parameters<typeof connectDevice>[2],
  on = app,
): Promise<DeviceConnection> {
  const connection = await connectDevice(on.mqttUrl ?? "", token, options);
  open.push(connection);
  return connection;
}

const textsOf = ({ messages }: DeviceConnection): string[] => messages.map(({ text }) => text);

describe("what was set while a device was away", () => {
  it("comes on each connection until it is acknowledged, then no more", async () => {
    const token = await addDevice(app, "away-1");
    await setConfig(app, "away-1");
    for (let round = 0; round < 3; round++) {
      const deaf = await come(token, { isDeaf: true });
      await deaf.until(1);
      expect(textsOf(deaf)).toEqual([configFor("away-1")]);
      await deaf.drop();
    }
    const hearing = await come(token);
    await hearing.until(1);
    // An answer of the listener that follows the acknowledgement shows that this was taken.
    await hearing.client.publishAsync("$resource/data_in", "1", { qos: 1 });
    await hearing.drop();
    const back = await come(token);
    await setConfig(app, "away-1", "1.0.2");
    await back.until(1);
    expect(textsOf(back)).toEqual([configFor("away-1", "1.0.2")]);
  });

  it("is the newest value alone of each resource", async () => {
    const token = await addDevice(app, "away-2");
    for (const version of ["1", "2", "3"]) await setConfig(app, "away-2", version);
    const connection = await come(token);
    await connection.until(1);
    await setConfig(app, "away-2", "4");
    await connection.until(2);
    expect(textsOf(connection)).toEqual([configFor("away-2", "3"), configFor("away-2", "4")]);
  });

  it("comes of every resource that was set, each on its own topic", async () => {
    const token = await addDevice(app, "away-3");
    await setState(app, "away-3", { interval: "10", mode: { level: 2 }, config_otau: configFor("away-3") });
    const connection = await come(token);
    await connection.until(3);
    const found = Object.fromEntries(
      connection.messages.map(({ topic, text }) => [topic.split("/")[1] ?? "", text]),
    );
    expect(found).toEqual({ interval: "10", mode: '{"level":2}', config_otau: configFor("away-3") });
    await setState(app, "away-3", { interval: "20" });
    await connection.until(4);
    expect(connection.messages[3]).toMatchObject({ text: "20" });
  });

  it("does not come once it was reported on, wherever the device connects", async () => {
    const token = await addDevice(app, "away-4");
    await setConfig(app, "away-4");
    const first = await come(token);
    await first.until(1);
    await first.client.publishAsync(report, reportText("INIT"), { qos: 1 });
    await first.drop();
    await using other = await startApp({ on: app });
    const back = await come(token, {}, other);
    await setConfig(app, "away-4", "1.0.2");
    await back.until(1);
    expect(textsOf(back)).toEqual([configFor("away-4", "1.0.2")]);
    await back.drop();
  });
});

describe("a connection", () => {
  it("has its reports stored in the order they were sent, of either service quality", async () => {
    const token = await addDevice(app, "order-1");
    await setConfig(app, "order-1");
    const { client } = await come(token);
    const statuses = ["INIT", "TEST", "TEST_SUCCESS", "DOWNLOAD", "DOWNLOAD_SUCCESS", "INSTALL"];
    const sent = Array.from({ length: 240 }, (_, at) => ({
      status: statuses[Math.floor(at / 40)] ?? "INIT",
      message: `number ${at}`,
    }));
    await Promise.all(
      sent.map(({ status, message }, at) =>
        client.publishAsync(report, reportText(status, message), { qos: at % 3 === 0 ? 0 : 1 }),
      ),
    );
    const lines = await reportsOf(app, "order-1");
    expect(lines.map(({ message }) => message)).toEqual(sent.map(({ message }) => message));
  });

  it("is ended by a newer one, which gets what the older one did not acknowledge", async () => {
    const token = await addDevice(app, "newer-1");
    await setConfig(app, "newer-1");
    const older = await come(token, { isDeaf: true, clientId: "same" });
    await older.until(1);
    const newer = await come(token, { clientId: "other" });
    await older.closed;
    await newer.until(1);
    expect(textsOf(newer)).toEqual([configFor("newer-1")]);
    expect(newer.client.connected).toBe(true);
  });

  it("leaves no will behind, retained or not, whatever its topic", async () => {
    const tokens = await addDevices(app, ["will-1", "will-2"]);
    const neighbour = await come(tokens["will-2"] ?? "");
    for (const topic of [
      report,
      "$resource/config_otau",
      "$resource/config_otau/1",
      "#x",
      "will-2/otau_in",
    ]) {
      for (const retain of [false, true]) {
        const will = {
          topic,
          payload: Buffer.from(reportText("INIT", "last will")),
          qos: 1 as const,
          retain,
        };
        const connection = await come(tokens["will-1"] ?? "", { will });
        await connection.drop();
      }
    }
    const back = await come(tokens["will-1"] ?? "");
    await back.client.publishAsync(report, reportText("INIT", "alive"), { qos: 1 });
    await setConfig(app, "will-1");
    await setConfig(app, "will-2");
    await Promise.all([back.until(1), neighbour.until(1)]);
    expect(textsOf(back)).toEqual([configFor("will-1")]);
    expect(textsOf(neighbour)).toEqual([configFor("will-2")]);
    expect((await reportsOf(app, "will-1")).map(({ message }) => message)).toEqual(["alive"]);
  });

  it("leaves nothing retained for whoever comes next", async () => {
    const token = await addDevice(app, "retain-1");
    const first = await come(token);
    await first.client.publishAsync("$resource/note", "kept?", { qos: 1, retain: true });
    await first.client.publishAsync(report, reportText("INIT", "once"), { qos: 1, retain: true });
    await first.drop();
    const next = await come(token);
    await next.client.subscribeAsync("$resource/#", { qos: 1 });
    await setConfig(app, "retain-1");
    await next.until(1);
    expect(textsOf(next)).toEqual([configFor("retain-1")]);
    expect(await reportsOf(app, "retain-1")).toHaveLength(1);
  });

  it("takes a value of 1,048,576 bytes and ends at one byte more, which is not stored", async () => {
    const token = await addDevice(app, "large-1");
    const sized = (bytes: number) => reportText("INIT", "").replace('""', `"${"x".repeat(bytes)}"`);
    const frame = Buffer.byteLength(sized(0));
    const connection = await come(token);
    await connection.client.publishAsync(report, sized(1_048_576 - frame), { qos: 1 });
    expect(await reportsOf(app, "large-1")).toHaveLength(1);
    connection.client.publish(report, sized(1_048_577 - frame), { qos: 1 });
    await connection.closed;
    const again = await come(token);
    const { client } = again;
    await client.publishAsync(report, reportText("INIT", "and on"), { qos: 1 });
    expect((await reportsOf(app, "large-1")).map(({ message }) => message?.length)).toEqual([4096, 6]);
  });

  it("of MQTT 5 is refused, and so is QoS 2", async () => {
    const token = await addDevice(app, "modern-1");
    await expect(come(token, { protocolVersion: 5 })).rejects.toThrow();
    const connection = await come(token);
    connection.client.publish(report, reportText("INIT"), { qos: 2 });
    await connection.closed;
    expect(await reportsOf(app, "modern-1")).toEqual([]);
  });

  it("with a token that is wrong, or under no name with none, is refused with code 4", async () => {
    const codeOf = async (options: mqtt.IClientOptions) => {
      const client = mqtt.connect(app.mqttUrl ?? "", { reconnectPeriod: 0, ...options });
      const error = await new Promise<{ code?: number }>((resolve) =>
        client.once("error", (reason) => resolve(reason as { code?: number })),
      );
      client.end(true);
      return error.code;
    };
    expect(await codeOf({ username: "", password: "0".repeat(40) })).toBe(4);
    expect(await codeOf({ username: "gw-1", password: "" })).toBe(4);
    const token = await addDevice(app, "revoked-1");
    await app.call("POST", `${product}/devices/revoked-1/token`, { revoke: true });
    expect(await codeOf({ username: "", password: token })).toBe(4);
  });
});

describe("an acknowledgement", () => {
  it("is not sent before the report is stored, and follows once it is", async () => {
    const own = await startOwnRedis();
    const dataDir = mkdtempSync(join(tmpdir(), "otau-paused-"));
    const admin = new Redis({ path: own.socketPath });
    const redis = { options: { path: own.socketPath, db: 0 }, client: admin } as unknown as TestApp["redis"];
    const slow = await startApp({ on: { redis, dataDir } });
    try {
      const token = await addDevice(slow, "slow-1");
      const connection = await connectDevice(slow.mqttUrl ?? "", token);
      await admin.call("CLIENT", "PAUSE", "1500", "WRITE");
      let isAcknowledged = false;
      const sent = connection.client
        .publishAsync(report, reportText("INIT", "held"), { qos: 1 })
        .then(() => (isAcknowledged = true));
      await vi.waitFor(async () => expect(await admin.info("clients")).toMatch(/blocked_clients:[1-9]/));
      expect(isAcknowledged).toBe(false);
      expect(await reportsOf(slow, "slow-1")).toEqual([]);
      await admin.call("CLIENT", "UNPAUSE");
      await sent;
      expect(await reportsOf(slow, "slow-1")).toMatchObject([{ message: "held" }]);
      await connection.drop();
    } finally {
      await slow.close();
      admin.disconnect();
      rmSync(dataDir, { recursive: true, force: true });
    }
  });
});
