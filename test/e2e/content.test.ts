import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TestClock } from "../../modules/adapters/redis/clock.ts";
import { startApp, type TestApp } from "../support/app.ts";

const product = "/products/default";
const bytes = "the bytes of the firmware";
const sha256 = createHash("sha256").update(bytes).digest("hex");

let app: TestApp;
let token: string;

beforeAll(async () => {
  app = await startApp({ testClock: true });
  await app.call("PUT", `${product}/content/fw%2Fgw.bin`, bytes, {
    headers: { "content-type": "application/octet-stream" },
  });
  token = await addDevice("gw-1");
});
afterAll(() => app.close());

async function addDevice(identity: string): Promise<string> {
  await app.call("PUT", `${product}/devices/${identity}`, {});
  const given = await app.call<{ token: string }>("POST", `${product}/devices/${identity}/token`, {});
  return given.body.token;
}

/** Registers a package whose `config_otau` has exactly this text, and applies it. */
async function apply(packageId: string, configText: string, devices: readonly string[], options = {}) {
  const body = `{"otau_info":{"author":"a","config_otau":${configText}}}`;
  const put = await app.call("PUT", `${product}/packages/${packageId}`, body, {
    headers: { "content-type": "application/json" },
  });
  expect(put.status, JSON.stringify(put.body)).toBe(201);
  return app.call("POST", `${product}/packages/${packageId}/apply`, { devices, options });
}

const ask = (path: string, headers: Record<string, string> = {}) =>
  fetch(`${app.deviceUrl}${path}`, { headers: { "X-Exosite-CIK": token, ...headers } });

/** What the device reads of `config_otau`, waiting for it. */
async function readConfig(deviceToken = token): Promise<string> {
  const reply = await fetch(`${app.deviceUrl}/onep:v1/stack/alias?config_otau`, {
    headers: { "X-Exosite-CIK": deviceToken, "Request-Timeout": "5000", "If-Modified-Since": "0" },
  });
  expect(reply.status).toBe(200);
  return new URLSearchParams(await reply.text()).get("config_otau") ?? "";
}

describe("the content area as devices see it", () => {
  it("lists, describes and sends what was uploaded", async () => {
    expect(await (await ask("/provision/download")).text()).toBe("fw/gw.bin");
    const info = await (await ask("/provision/download?id=fw/gw.bin&info=true")).text();
    expect(info).toMatch(new RegExp(`^application/octet-stream,${bytes.length},\\d{10},$`));
    const whole = await ask("/provision/download?id=fw/gw.bin");
    expect([await whole.text(), whole.headers.get("content-length")]).toEqual([bytes, String(bytes.length)]);
    const part = await ask("/provision/download?id=fw/gw.bin", { Range: "bytes=4-8" });
    expect([part.status, await part.text()]).toEqual([206, "bytes"]);
  });

  it("shows a device its own product alone", async () => {
    await app.call("PUT", "/products/other", {});
    await app.call("PUT", "/products/other/content/secret.bin", "x", {
      headers: { "content-type": "application/octet-stream" },
    });
    expect((await ask("/provision/download?id=secret.bin")).status).toBe(404);
    expect(await (await ask("/provision/download")).text()).not.toContain("secret");
  });

  it("is closed to a token that was revoked", async () => {
    const gone = await addDevice("gw-gone");
    await app.call("POST", `${product}/devices/gw-gone/token`, { revoke: true });
    expect((await ask("/provision/download", { "X-Exosite-CIK": gone })).status).toBe(403);
  });
});

describe("a payload that stands for content", () => {
  const config = (payload: string) =>
    `{ "type":"FILE",  "version":"2.0", "name":"n\\u0061me", "payload":${payload}, "x":1.50 }`;

  it("is written as a link that holds, all else byte for byte, and reads the same again", async () => {
    const applied = await apply("package_link", config('"otau+content:fw/gw.bin"'), ["gw-1"], {
      timeouts: { totalMs: 60_000 },
    });
    expect(applied.status, JSON.stringify(applied.body)).toBe(202);
    const text = await readConfig();
    const link = (JSON.parse(text) as { payload: string }).payload;
    expect(text).toBe(config(JSON.stringify(link)));
    expect(link.startsWith(`${app.deviceUrl}/content/default/fw/gw.bin?`)).toBe(true);
    expect(await readConfig()).toBe(text);

    const whole = await fetch(link);
    expect([whole.status, await whole.text(), whole.headers.get("etag")]).toEqual([
      200,
      bytes,
      `"${sha256}"`,
    ]);
    const part = await fetch(link, { headers: { Range: "bytes=-8" } });
    expect([part.status, await part.text()]).toEqual([206, "firmware"]);
    expect((await fetch(link.replace("expires=", "expires=9"))).status).toBe(403);
    expect((await fetch(link.replace("gw.bin", "gw.bi"))).status).toBe(403);
    await (app.stores.clock as TestClock).advance(61_000);
    const late = await fetch(link);
    expect([late.status, await late.text()]).toEqual([403, "The link has expired.\n"]);
  });

  it("is refused at the apply where there is no such item", async () => {
    const applied = await apply("package_missing", config('"otau+content:fw/none.bin"'), ["gw-1"]);
    expect(applied.status).toBe(409);
    expect(applied.body).toMatchObject({ code: "PACKAGE_INVALID" });
    expect((applied.body as { detail: string }).detail).toContain("fw/none.bin");
  });

  it("makes a link for each entry of a list, also beyond the limit of a registered text", async () => {
    await app.call("PUT", `${product}/content/gone.bin`, "x", {
      headers: { "content-type": "application/octet-stream" },
    });
    const links = Array.from({ length: 700 }, (_, index) =>
      index === 1 ? "https://example.com/a" : `otau+content:${index === 0 ? "gone.bin" : "fw/gw.bin"}`,
    );
    const text = `{"type":"URL_LIST","version":"3.0","name":"n","payload":${JSON.stringify(links)}}`;
    const deviceToken = await addDevice("gw-2");
    expect((await apply("package_list", text, ["gw-2"])).status).toBe(202);
    const read = await readConfig(deviceToken);
    expect(Buffer.byteLength(read)).toBeGreaterThan(65_536);
    const [first = "", second, third = ""] = (JSON.parse(read) as { payload: string[] }).payload;
    expect(second).toBe("https://example.com/a");
    expect((await fetch(third)).status).toBe(200);
    await app.call("DELETE", `${product}/content/gone.bin`);
    expect((await fetch(first)).status).toBe(404);
  });
});
