import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { startApp, type TestApp } from "../support/app.ts";
import {
  addDevice,
  addDevices,
  connectDevice,
  type DeviceConnection,
  product,
  reportText,
  setState,
} from "./support.ts";

let here: TestApp;
let there: TestApp;
const open: DeviceConnection[] = [];

beforeAll(async () => {
  here = await startApp();
  // A second process on the same store.
  there = await startApp({ on: here });
});
afterAll(async () => {
  await there.close();
  await here.close();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map(({ drop }) => drop()));
});

async function come(on: TestApp, token: string, isDeaf = false): Promise<DeviceConnection> {
  const connection = await connectDevice(on.mqttUrl ?? "", token, { isDeaf });
  open.push(connection);
  return connection;
}

async function putPackage(version: string): Promise<string> {
  const id = `package_${version}`;
  const config = { version, name: "firmware", type: "JSON", payload: {} };
  const reply = await here.call("PUT", `${product}/packages/${id}`, { otau_info: { config_otau: config } });
  expect([200, 201]).toContain(reply.status);
  return id;
}

async function apply(on: TestApp, packageId: string, devices: readonly string[]): Promise<void> {
  const reply = await on.call("POST", `${product}/packages/${packageId}/apply`, { devices });
  expect(reply.status).toBe(202);
}

async function liveVersion(identity: string): Promise<string | undefined> {
  const reply = await here.call<{ version?: string }>("GET", `${product}/devices/${identity}/update`);
  return reply.body.version;
}

const versionsOf = ({ messages }: DeviceConnection): string[] =>
  messages.map(({ text }) => (JSON.parse(text) as { version: string }).version);
const stampsOf = ({ messages }: DeviceConnection): number[] =>
  messages.map(({ topic }) => Number(topic.split("/")[2]));

describe("an apply that one process accepted", () => {
  it("reaches devices connected to another, each time, without waiting for a round", async () => {
    const identities = Array.from({ length: 10 }, (_, at) => `far-${at}`);
    const tokens = await addDevices(here, identities);
    const connections = await Promise.all(identities.map((identity) => come(there, tokens[identity] ?? "")));
    const delays: number[] = [];
    for (const [round, version] of ["1.0", "1.1", "1.2"].entries()) {
      const packageId = await putPackage(version);
      const began = performance.now();
      await Promise.all([
        apply(here, packageId, identities),
        ...connections.map(async (connection) => {
          await connection.until(round + 1);
          delays.push(performance.now() - began);
        }),
      ]);
    }
    for (const connection of connections) expect(versionsOf(connection)).toEqual(["1.0", "1.1", "1.2"]);
    delays.sort((a, b) => a - b);
    const [median, slowest] = [delays[delays.length >> 1], delays.at(-1)].map((ms) => Math.round(ms ?? 0));
    console.log(`apply in one process to arrival by another: p50 ${median} ms, slowest ${slowest} ms`);
  });

  it("is made up for on connect to any process, with the newest alone", async () => {
    const token = await addDevice(here, "roams");
    await apply(here, await putPackage("2.0"), ["roams"]);
    const first = await come(there, token, true);
    await first.until(1);
    await first.drop();
    await apply(there, await putPackage("2.1"), ["roams"]);
    // Accepted is not yet released.
    await vi.waitFor(async () => expect(await liveVersion("roams")).toBe("2.1"), { timeout: 10_000 });
    const second = await come(here, token, true);
    await second.until(1);
    await second.drop();
    const third = await come(there, token);
    await third.until(1);
    expect([first, second, third].map(versionsOf)).toEqual([["2.0"], ["2.1"], ["2.1"]]);
    // A resend is the same value, not a new one.
    expect(stampsOf(third)).toEqual(stampsOf(second));
  });
});

describe("a device that roams between processes while values are set by both", () => {
  it("never gets an older value after a newer one, and the newest in the end", async () => {
    const token = await addDevice(here, "nomad");
    const processes = [here, there] as const;
    const rounds = 24;
    const seen: number[] = [];
    const texts: string[] = [];
    const setting = (async () => {
      for (let at = 1; at <= rounds; at++)
        await setState(processes[at % 2] ?? here, "nomad", {
          note: String(at),
          last: at === rounds ? "yes" : "no",
        });
    })();
    let isOver = false;
    for (let at = 0; !isOver; at++) {
      const connection = await come(processes[at % 2] ?? here, token);
      await connection.until(2);
      await connection.client.publishAsync("$resource/otau_in", reportText("INIT", `round ${at}`), {
        qos: 1,
      });
      await connection.drop();
      const notes = connection.messages.filter(({ topic }) => topic.startsWith("$resource/note/"));
      seen.push(...notes.map(({ topic }) => Number(topic.split("/")[2])));
      texts.push(...notes.map(({ text }) => text));
      isOver = texts.at(-1) === String(rounds);
    }
    await setting;
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(texts.map(Number)).toEqual(texts.map(Number).toSorted((a, b) => a - b));
  });
});
