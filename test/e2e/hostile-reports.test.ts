import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { givenProduct, type Page, type Problem, type Update } from "../endpoints/support.ts";
import { startApp, type TestApp } from "../support/app.ts";
import { type DeviceClient, makeDeviceClient } from "../support/device-client.ts";
import { givenUpdating, sendRaw } from "./hostile-support.ts";

type Line = {
  readonly kind: string;
  readonly raw?: string;
  readonly decision?: string;
  readonly status?: string;
  readonly message?: string;
  readonly cut?: boolean;
};

const version = "1.0.1";
const init = JSON.stringify({ version, status: "INIT" });

let app: TestApp;
let below: string;
let token: string;
let device: DeviceClient;

beforeAll(async () => {
  app = await startApp();
  below = await givenProduct(app, "reports");
  token = await givenUpdating(app, below, "gw-1", "package_a.json");
  device = makeDeviceClient(`${app.deviceUrl}`, token);
});
afterAll(() => app.close());

const updateOf = async (identity: string) =>
  (await app.call<Update & { status?: string }>("GET", `${below}/devices/${identity}/update`)).body;
const newestLine = async (identity = "gw-1") => {
  const path = `${below}/devices/${identity}/history?order=desc&limit=1`;
  return (await app.call<Page<Line>>("GET", path)).body.items[0];
};
const summary = async () => (await app.call("GET", `${below}/summary`)).body as Record<string, unknown>;

describe("a value of otau_in that is no report", () => {
  const nested = "[".repeat(100_000) + "]".repeat(100_000);
  const wrong: readonly (readonly [string, string])[] = [
    ["empty", ""],
    ["a space", " "],
    ["no JSON", "INIT"],
    ["cut off", init.slice(0, -1)],
    ["followed by more", `${init}x`],
    ["led by a byte order mark", `\ufeff${init}`],
    ["null", "null"],
    ["a number", "1"],
    ["an array", `[${init}]`],
    ["JSON in a JSON string", JSON.stringify(init)],
    ["JSON in a string twice", JSON.stringify(JSON.stringify(init))],
    ["without a status", JSON.stringify({ version })],
    ["without a version", JSON.stringify({ status: "INIT" })],
    ["of a status in lower case", JSON.stringify({ version, status: "init" })],
    ["of a status with a space", JSON.stringify({ version, status: "INIT " })],
    ["of an unknown status", JSON.stringify({ version, status: "DONE" })],
    ["of a status that every object has", JSON.stringify({ version, status: "constructor" })],
    ["of an empty version", JSON.stringify({ version: "", status: "INIT" })],
    ["of a version that is a number", JSON.stringify({ version: 1, status: "INIT" })],
    ["of a version of 129 characters", JSON.stringify({ version: "1".repeat(129), status: "INIT" })],
    ["with a message that is a number", JSON.stringify({ version, status: "INIT", message: 1 })],
    ["with a key twice", `{"version":"${version}","status":"INIT","status":"INIT"}`],
    ["with a key twice, escaped", `{"version":"${version}","status":"INIT","st\\u0061tus":"INIT"}`],
    ["with a key twice, deep inside", `{"version":"${version}","status":"INIT","x":[{"a":1,"a":1}]}`],
    ["with all of it in a prototype", `{"__proto__":${init}}`],
    ["nested 100,000 deep", nested],
    ["with a field nested 100,000 deep", `{"version":"${version}","status":"INIT","x":${nested}}`],
  ];

  it.each(wrong)("is stored, rejected, and changes nothing else: %s", async (_what, value) => {
    const [update, counts] = [await updateOf("gw-1"), await summary()];
    expect(await device.write({ otau_in: value })).toBe(204);
    const line = await newestLine();
    expect(line).toMatchObject({ kind: "report", decision: "rejected" });
    expect(line).not.toHaveProperty("to");
    expect(value.startsWith((line?.raw ?? "none").replace(/…$/, ""))).toBe(true);
    expect(await updateOf("gw-1")).toEqual(update);
    expect(await summary()).toMatchObject({
      byUpdateState: counts["byUpdateState"],
      byInstalledVersion: counts["byInstalledVersion"],
    });
  });

  it("is rejected as well where it is no string, in an event of a platform", async () => {
    for (const otau_in of [{ version, status: "INIT" }, [], 5, true, null]) {
      const event = { type: "data_in", identity: "gw-1", payload: [{ values: { otau_in } }] };
      const { body } = await app.call("POST", `${below}/events`, event);
      expect(body).toMatchObject({ results: [{ reports: [{ decision: "rejected" }] }] });
    }
    expect((await updateOf("gw-1")).state).toBe("sent");
  });

  it("does not stand in the way of the next good one", async () => {
    expect(await device.write({ otau_in: init })).toBe(204);
    expect(await newestLine()).toMatchObject({ decision: "applied", from: "sent", to: "started" });
  });
});

describe("a value of otau_in that only looks odd", () => {
  const report = (fields: object) => device.write({ otau_in: JSON.stringify({ version, ...fields }) });

  it("is taken with other keys and a message of null", async () => {
    const odd = `{"message":null,"__proto__":{"status":"TEST_ERROR"},"toString":1,"status":"TEST","version":"${version}"}`;
    expect(await device.write({ otau_in: odd })).toBe(204);
    expect(await newestLine()).toMatchObject({ decision: "applied", status: "TEST" });
  });

  it("has its message cut beyond 4096 characters, never in the middle of one", async () => {
    await report({ status: "TEST_STEP", message: "m".repeat(4096) });
    expect(await newestLine()).not.toHaveProperty("cut");
    await report({ status: "TEST_STEP", message: "🚀".repeat(4097) });
    const line = await newestLine();
    expect(line?.cut).toBe(true);
    expect([...(line?.message ?? "")].length).toBeLessThanOrEqual(4096);
    expect(line?.message).toMatch(/^(?:🚀)+…$/u);
  });

  it("may have a message of nearly 1 MiB; a larger value is refused whole", async () => {
    const room = 1_048_576 - JSON.stringify({ version, status: "TEST_STEP", message: "" }).length;
    expect(await report({ status: "TEST_STEP", message: "m".repeat(room) })).toBe(204);
    expect(await newestLine()).toMatchObject({ cut: true, status: "TEST_STEP" });
    const before = await newestLine();
    expect(await report({ status: "TEST_SUCCESS", message: "m".repeat(room) })).toBe(413);
    expect(await newestLine()).toEqual(before);
  });

  it.each(["العربية", "日本語 固件", "👩🏽‍🚀", "e\u0301\u0323", "\u202eabc", "a\u0000b\u001f\u2028"])(
    "keeps its message to the letter: %j",
    async (message) => {
      await report({ status: "TEST_STEP", message });
      expect(await newestLine()).toMatchObject({ decision: "applied", message });
    },
  );
});

describe("a request of a device that is no good", () => {
  const path = "/onep:v1/stack/alias";
  const cik = () => ({ "X-Exosite-CIK": token });
  const lineCount = async () =>
    (await app.call<Page<Line>>("GET", `${below}/devices/gw-1/history?limit=500`)).body.items.length;

  it("is refused with the code that fits, and stores nothing", async () => {
    const body = `otau_in=${encodeURIComponent(init)}`;
    const before = await lineCount();
    const answers = [
      await sendRaw(app.deviceUrl, "POST", path, { body }),
      await sendRaw(app.deviceUrl, "POST", path, { body, headers: { "X-Exosite-CIK": "0".repeat(40) } }),
      await sendRaw(app.deviceUrl, "POST", path, { body, headers: { "X-Exosite-CIK": app.token } }),
      await sendRaw(app.deviceUrl, "POST", path, { headers: cik() }),
      await sendRaw(app.deviceUrl, "POST", path, { body: "&&", headers: cik() }),
      await sendRaw(app.deviceUrl, "POST", path, { body, headers: { ...cik(), "content-encoding": "gzip" } }),
      await sendRaw(app.deviceUrl, "POST", path, { body: `a=${"b".repeat(5 * 1_048_576)}`, headers: cik() }),
      await sendRaw(app.deviceUrl, "PUT", path, { body, headers: cik() }),
      await sendRaw(app.deviceUrl, "POST", `${path}/../alias`, { body, headers: cik() }),
      await sendRaw(app.deviceUrl, "POST", `${path}%00`, { body, headers: cik() }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 400, 400, 415, 413, 405, 404, 404]);
    for (const { headers } of answers) expect(headers).toHaveProperty("content-length");
    expect(await lineCount()).toBe(before);
    expect(await device.write({ otau_in: init })).toBe(204);
    expect(await lineCount()).toBe(before + 1);
  });

  it("may hold bytes that are no UTF-8: the device's write stands, and what is told is text", async () => {
    const bytes = Buffer.concat([Buffer.from("otau_in="), Buffer.from([0xff, 0xc3, 0x28])]);
    expect((await sendRaw(app.deviceUrl, "POST", path, { body: bytes, headers: cik() })).status).toBe(204);
    expect(await newestLine()).toMatchObject({ decision: "rejected" });
  });

  it.each(["a%2Fb", "..", "%2B", "%23", "*", "%7Ba%7D", "%00", "", "x".repeat(10_000)])(
    "activates no device of the identity %j",
    async (identity) => {
      await app.call("PUT", below, { provisioning: { open: true } });
      const body = `vendor=reports&model=reports&sn=${identity}`;
      const before = await summary();
      expect((await sendRaw(app.deviceUrl, "POST", "/provision/activate", { body })).status).toBe(400);
      expect(await summary()).toEqual(before);
    },
  );
});

describe("an event that is none", () => {
  it("is refused by itself, naming the place", async () => {
    const wrong: readonly (readonly [unknown, string])[] = [
      [{ identity: "gw-1", payload: [] }, "/type"],
      [{ type: "data_in", payload: [] }, "/identity"],
      [{ type: "data_in", identity: "gw-1", payload: {} }, "/payload"],
      [{ type: "data_in", identity: "gw-1", payload: [{ values: [] }] }, "/payload/0/values"],
      [{ type: "data_in", identity: "gw-1", payload: [], more: 1 }, "/more"],
    ];
    for (const [event, path] of wrong) {
      const { status, body } = await app.call<Problem>("POST", `${below}/events`, event);
      expect([path, status, body.errors?.map((error) => error.path)]).toEqual([path, 400, [path]]);
    }
  });
});
