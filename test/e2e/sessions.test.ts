import { connect, type MqttClient } from "mqtt";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { startApp, type TestApp } from "../support/app.ts";

const product = "/products/default";

let app: TestApp;
let other: TestApp;
const clients: MqttClient[] = [];

beforeAll(async () => {
  app = await startApp();
  // A second process on the same store.
  other = await startApp({ on: app });
});
afterAll(async () => {
  for (const client of clients) client.end(true);
  await other.close();
  await app.close();
});

async function addDevice(identity: string): Promise<string> {
  await app.call("PUT", `${product}/devices/${identity}`, {});
  const given = await app.call<{ token: string }>("POST", `${product}/devices/${identity}/token`, {});
  return given.body.token;
}

/** A device's connection; `closed` resolves when the server has ended it. */
async function open(on: TestApp, token: string) {
  const client = connect(on.mqttUrl ?? "", {
    username: "",
    password: token,
    reconnectPeriod: 0,
    clientId: "",
  });
  clients.push(client);
  const closed = new Promise<void>((resolve) => client.once("close", () => resolve()));
  client.on("error", () => {});
  await new Promise<void>((resolve, reject) => {
    client.once("connect", () => resolve());
    client.once("error", reject);
  });
  return { client, closed };
}

const report = (status: string) => JSON.stringify({ version: "1.0", status });

type Line = { type: string; identity?: string };
const linesOf = async (identity: string) =>
  (await app.call<{ items: Line[] }>("GET", `${product}/audit?limit=500`)).body.items
    .filter((line) => line.identity === identity && /device\.(dis)?connected/.test(line.type))
    .map(({ type }) => type);

describe("a device's newest connection", () => {
  it("ends the older one, in another process as well", async () => {
    const token = await addDevice("gw-1");
    const older = await open(app, token);
    await older.client.publishAsync("$resource/otau_in", report("INIT"), { qos: 1 });
    const newer = await open(other, token);
    await older.closed;
    await newer.client.publishAsync("$resource/otau_in", report("INSTALLED_VERSION"), { qos: 1 });
    const device = await app.call<{ installedVersion?: string }>("GET", `${product}/devices/gw-1`);
    expect(device.body.installedVersion).toBe("1.0");
    const back = await open(app, token);
    await newer.closed;
    back.client.end(true);
    await vi.waitFor(
      async () =>
        expect(await linesOf("gw-1")).toEqual([
          "device.connected",
          "device.connected",
          "device.connected",
          "device.disconnected",
        ]),
      { timeout: 5000 },
    );
  });

  it("leaves polls and requests of the same device alone", async () => {
    const token = await addDevice("gw-2");
    await open(app, token);
    const headers = { "X-Exosite-CIK": token };
    const written = await fetch(`${other.deviceUrl}/onep:v1/stack/alias`, {
      method: "POST",
      headers,
      body: "data_in=1",
    });
    expect(written.status).toBe(204);
  });
});

describe("a token that is revoked", () => {
  it.each([
    ["revoked", { revoke: true }],
    ["replaced", {}],
  ])("ends connections and long polls at once when it is %s", async (_how, body) => {
    const token = await addDevice("gw-3");
    const session = await open(other, token);
    const poll = fetch(`${app.deviceUrl}/onep:v1/stack/alias?config_otau`, {
      headers: { "X-Exosite-CIK": token, "Request-Timeout": "60000" },
    });
    // The poll waits once its device counts as heard of after it began: a second poll that is over says so.
    await fetch(`${app.deviceUrl}/onep:v1/stack/alias?config_otau`, {
      headers: { "X-Exosite-CIK": token, "Request-Timeout": "1" },
    });
    await app.call("POST", `${product}/devices/gw-3/token`, body);
    await session.closed;
    expect((await poll).status).toBe(401);
  });
});
