import { createHmac } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { TestClock } from "../../modules/adapters/redis/clock.ts";
import { startApp, type TestApp } from "../support/app.ts";

const secret = `whsec_${Buffer.from("a secret of twenty-four b").toString("base64")}`;
const configText = '{ "type":"JSON",  "version":"2.0", "name":"n\\u0061me", "payload":{"a":1.50} }';

type Call = {
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
  readonly body: Record<string, unknown>;
};
type Update = { state: string; reason?: string; deliveredAt?: string; deadlineAt?: string; sentAt?: string };

let app: TestApp;
let platform: http.Server;
let calls: Call[] = [];
let answer: (call: Call) => { status: number; headers?: Record<string, string> } | "never" = () => ({
  status: 204,
});

beforeAll(async () => {
  platform = http.createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const call = { headers: request.headers, text, body: JSON.parse(text) as Record<string, unknown> };
    calls.push(call);
    const said = answer(call);
    if (said !== "never") response.writeHead(said.status, said.headers).end();
  });
  platform.listen(0, "127.0.0.1");
  await once(platform, "listening");
  app = await startApp({ testClock: true });
  const { port } = platform.address() as AddressInfo;
  const made = await app.call("PUT", "/products/cloud", {
    connector: { url: `http://127.0.0.1:${port}/in`, secret },
  });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  await app.call("PUT", "/products/cloud/packages/package_a", `{"otau_info":{"config_otau":${configText}}}`, {
    headers: { "content-type": "application/json" },
  });
});
afterAll(async () => {
  await app.close();
  platform.closeAllConnections();
  platform.close();
});
afterEach(() => {
  calls = [];
  answer = () => ({ status: 204 });
});

const clock = () => app.stores.clock as TestClock;

async function apply(identity: string, options = {}): Promise<void> {
  await app.call("PUT", `/products/cloud/devices/${identity}`, {});
  const body = { devices: [identity], options };
  expect((await app.call("POST", "/products/cloud/packages/package_a/apply", body)).status).toBe(202);
}

const updateOf = async (identity: string) =>
  (await app.call<Update>("GET", `/products/cloud/devices/${identity}/update`)).body;

/** Waits for so many calls about the device, moving time meanwhile where told. */
const callsOf = (identity: string, count: number, stepMs = 0) =>
  vi.waitFor(
    async () => {
      if (stepMs > 0) await clock().advance(stepMs);
      const found = calls.filter(({ body }) => body["identity"] === identity);
      expect(found.length).toBeGreaterThanOrEqual(count);
      return found;
    },
    { timeout: 8000, interval: 50 },
  );

const until = (identity: string, state: Partial<Update>) =>
  vi.waitFor(async () => expect(await updateOf(identity)).toMatchObject(state), { timeout: 5000 });

describe("a product with a connector", () => {
  it("hands the exact text over by a signed call, and starts the clocks when it is accepted", async () => {
    await apply("gw-1");
    const [call] = await callsOf("gw-1", 1);
    await vi.waitFor(async () => expect((await updateOf("gw-1")).deliveredAt).toBeDefined(), {
      timeout: 5000,
    });
    const update = await updateOf("gw-1");
    expect(call?.body).toEqual({
      id: expect.any(String),
      productId: "cloud",
      identity: "gw-1",
      updateId: (update as unknown as { id: string }).id,
      attempt: 1,
      config_otau: configText,
    });
    const {
      "webhook-id": id,
      "webhook-timestamp": seconds,
      "webhook-signature": signature,
    } = call?.headers ?? {};
    expect(id).toBe(call?.body["id"]);
    const key = Buffer.from(secret.slice(6), "base64");
    const mac = createHmac("sha256", key).update(`${id}.${seconds}.${call?.text}`).digest("base64");
    expect(signature).toBe(`v1,${mac}`);
    expect(Date.parse(update.deadlineAt ?? "")).toBe(Date.parse(update.deliveredAt ?? "") + 604_800_000);
    expect(calls).toHaveLength(1);
  });

  it("repeats what is not accepted under the same id, with no clock meanwhile", async () => {
    answer = () => ({ status: calls.length === 1 ? 500 : 302, headers: { location: "/elsewhere" } });
    await apply("gw-2", { timeouts: { acknowledgeMs: 1000, totalMs: 5000 } });
    await callsOf("gw-2", 1);
    const repeated = await callsOf("gw-2", 3, 1000);
    expect(await updateOf("gw-2")).toMatchObject({ state: "sent", attempt: 1 });
    expect((await updateOf("gw-2")).deadlineAt).toBeUndefined();
    answer = () => ({ status: 200 });
    await callsOf("gw-2", repeated.length + 1, 2000);
    await vi.waitFor(async () => expect((await updateOf("gw-2")).deliveredAt).toBeDefined(), {
      timeout: 5000,
    });
    expect(new Set(calls.map(({ body, headers }) => `${body["id"]} ${headers["webhook-id"]}`)).size).toBe(1);
    await clock().advance(1100);
    await until("gw-2", { state: "timed_out", reason: "ACKNOWLEDGE_TIMEOUT" });
  });

  it("never repeats before Retry-After", async () => {
    answer = () => ({ status: 503, headers: { "retry-after": "120" } });
    await apply("gw-3");
    await callsOf("gw-3", 1);
    answer = ({ body }) => ({
      status: body["identity"] === "gw-3" ? 503 : 200,
      headers: { "retry-after": "120" },
    });
    await clock().advance(100_000);
    // Another device's call shows that the worker has looked since.
    await apply("gw-3b");
    await callsOf("gw-3b", 1);
    expect(calls.filter(({ body }) => body["identity"] === "gw-3")).toHaveLength(1);
    answer = () => ({ status: 200 });
    await clock().advance(21_000);
    await callsOf("gw-3", 2);
  });

  it("ends an update for good when the platform does not know the device", async () => {
    answer = () => ({ status: 404 });
    await apply("gw-4", { retry: { maxAttempts: 5, on: ["DOWNLOAD_ERROR"] } });
    await until("gw-4", { state: "failed", reason: "DEVICE_UNKNOWN" });
    await clock().advance(120_000);
    await apply("gw-5");
    await callsOf("gw-5", 1);
    expect(calls.filter(({ body }) => body["identity"] === "gw-4")).toHaveLength(1);
  });

  it("calls for each attempt anew, and no more when the update was called off", async () => {
    await apply("gw-6", { retry: { maxAttempts: 2, delayMs: 1000, on: ["DOWNLOAD_ERROR"] } });
    await callsOf("gw-6", 1);
    answer = () => ({ status: 500 });
    await app.call("POST", "/products/cloud/events", {
      type: "data_in",
      identity: "gw-6",
      payload: [{ values: { otau_in: '{"version":"2.0","status":"DOWNLOAD_ERROR"}' } }],
    });
    const [, second] = await callsOf("gw-6", 2, 1500);
    expect(second?.body["attempt"]).toBe(2);
    await app.call("POST", "/products/cloud/devices/gw-6/cancel", {});
    const before = calls.length;
    await clock().advance(120_000);
    await apply("gw-7");
    answer = () => ({ status: 200 });
    await callsOf("gw-7", 1);
    expect(calls.filter(({ body }) => body["identity"] === "gw-6").length).toBeLessThanOrEqual(before);
  });
});

describe("a platform that does not answer", () => {
  it("does not keep a process from stopping, and is called again by the next under the same id", async () => {
    answer = () => "never";
    const first = await startApp({ on: app, testClock: true });
    await apply("gw-9");
    await callsOf("gw-9", 1);
    await first.close();
    answer = () => ({ status: 200 });
    await callsOf("gw-9", 2, 5000);
    await vi.waitFor(async () => expect((await updateOf("gw-9")).deliveredAt).toBeDefined(), {
      timeout: 5000,
    });
    expect(new Set(calls.map(({ body }) => body["id"])).size).toBe(1);
  });
});

describe("the connector's setting", () => {
  it("shows no secret, and keeps it where settings come back without it", async () => {
    const shown = await app.call<Record<string, unknown>>("GET", "/products/cloud");
    expect(JSON.stringify(shown.body)).not.toContain("whsec_");
    const { connector } = shown.body;
    expect(connector).toEqual({ url: expect.stringContaining("/in") });
    expect((await app.call("PUT", "/products/cloud", { connector, name: "Cloud" })).status).toBe(200);
    await apply("gw-8");
    const [call] = await callsOf("gw-8", 1);
    expect(call?.headers["webhook-signature"]).toMatch(/^v1,/);
  });

  it("is refused without a secret, with a bad one, and with an address that is none", async () => {
    const url = "https://example.com/in";
    for (const connector of [
      { url },
      { url, secret: "x" },
      { url: "ftp://example.com/", secret },
      { secret },
    ]) {
      const reply = await app.call<{ code: string }>("PUT", "/products/other", { connector });
      expect([reply.status, reply.body.code]).toEqual([400, "INVALID_INPUT"]);
    }
  });

  it("admits no plain and no private address where a setting says so", async () => {
    await using open = await startApp({ env: { OTAU_ALLOW_PRIVATE_TARGETS: "false" } });
    for (const url of ["http://example.com/", "https://127.0.0.1/", "https://localhost/"]) {
      const reply = await open.call<{ errors: { path: string }[] }>("PUT", "/products/other", {
        connector: { url, secret },
      });
      expect([reply.status, reply.body.errors[0]?.path]).toEqual([400, "/connector/url"]);
    }
  });
});
