import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openRawSocket } from "../support/raw-socket.ts";
import { type Listener, nowMs, openListener, token } from "./support.ts";

let listener: Listener;

beforeEach(async () => {
  listener = await openListener({ recheckMs: 100 });
});

afterEach(async () => {
  await listener.server.close(0);
});

const secondUs = 1_000_000;
const startUs = nowMs * 1000 - 1000 * secondUs;

const poll = (headers: Record<string, string>, aliases = "config_otau"): Promise<Response> =>
  fetch(`${listener.url}/onep:v1/stack/alias?${aliases}`, {
    headers: { "X-Exosite-CIK": token, ...headers },
  });

const untilWatched = async (count = 1): Promise<void> => {
  while (listener.access.watchers() !== count) await new Promise((resolve) => setImmediate(resolve));
};

const report = async (response: Response): Promise<unknown[]> => [response.status, await response.text()];

describe("a long poll", () => {
  it("waits for a value that is set later", async () => {
    const waiting = poll({ "Request-Timeout": "300000" });
    await untilWatched();
    listener.access.set("gw-1", "config_otau", "v1", startUs);
    const response = await waiting;
    expect(await report(response)).toEqual([200, "config_otau=v1"]);
    expect(response.headers.get("last-modified")).toBe(new Date(startUs / 1000).toUTCString());
    expect(listener.access.watchers()).toBe(0);
  });

  it("ends with 304 when nothing comes, and by default knows what stands", async () => {
    listener.access.set("gw-1", "config_otau", "v1", startUs);
    expect((await poll({ "Request-Timeout": "30" })).status).toBe(304);
    expect(listener.access.reads).toEqual([]);
  });

  it("goes on where the poll before it ended", async () => {
    expect((await poll({ "Request-Timeout": "10" })).status).toBe(304);
    listener.access.set("gw-1", "config_otau", "v1", startUs);
    expect(await report(await poll({ "Request-Timeout": "5000" }))).toEqual([200, "config_otau=v1"]);
    expect((await poll({ "Request-Timeout": "10" })).status).toBe(304);
  });

  it("finds a value whose hint was lost", async () => {
    const waiting = poll({ "Request-Timeout": "300000" });
    await untilWatched();
    listener.access.set("gw-1", "config_otau", "v1", startUs, { hint: false });
    expect(await report(await waiting)).toEqual([200, "config_otau=v1"]);
  });

  it("with our date sent back waits for the next value, even one of the same second", async () => {
    listener.access.set("gw-1", "config_otau", "v1", startUs + 250_000);
    const first = await poll({ "Request-Timeout": "5000", "If-Modified-Since": "0" });
    const date = first.headers.get("last-modified") ?? "";
    const later = new Date(Date.parse(date) + 1000).toUTCString();
    expect((await poll({ "Request-Timeout": "20", "If-Modified-Since": date })).status).toBe(304);
    expect((await poll({ "Request-Timeout": "20", "If-Modified-Since": later })).status).toBe(304);
    listener.access.set("gw-1", "config_otau", "v2", startUs + 750_000);
    expect(await report(await poll({ "Request-Timeout": "5000", "If-Modified-Since": date }))).toEqual([
      200,
      "config_otau=v2",
    ]);
  });

  it("answers only what is new of several resources", async () => {
    listener.access.set("gw-1", "a", "1", startUs);
    const waiting = poll({ "Request-Timeout": "5000" }, "a&config_otau");
    await untilWatched();
    listener.access.set("gw-1", "config_otau", "v1", startUs + secondUs);
    expect(await report(await waiting)).toEqual([200, "config_otau=v1"]);
    const all = await poll({ "Request-Timeout": "5000", "If-Modified-Since": "0" }, "a&config_otau");
    expect(await report(all)).toEqual([200, "a=1&config_otau=v1"]);
  });

  it("does not take a device's own echo for news", async () => {
    listener.access.set("gw-1", "data_out", "v1", startUs);
    const first = await poll({ "Request-Timeout": "5000", "If-Modified-Since": "0" }, "data_out");
    await fetch(`${listener.url}/onep:v1/stack/alias`, {
      method: "POST",
      body: await first.text(),
      headers: { "X-Exosite-CIK": token },
    });
    const date = first.headers.get("last-modified") ?? "";
    const again = await poll({ "Request-Timeout": "20", "If-Modified-Since": date }, "data_out");
    expect(again.status).toBe(304);
  });

  it("ends soon after its token is revoked, hint or not", async () => {
    const waiting = poll({ "Request-Timeout": "300000" });
    await untilWatched();
    listener.access.revoke(token);
    expect((await waiting).status).toBe(401);
  });

  it("goes on waiting while the store is away", async () => {
    const waiting = poll({ "Request-Timeout": "300000" });
    await untilWatched();
    listener.access.isAway = true;
    listener.access.set("gw-1", "config_otau", "v1", startUs);
    await new Promise((resolve) => setImmediate(resolve));
    listener.access.isAway = false;
    expect(await report(await waiting)).toEqual([200, "config_otau=v1"]);
  });

  it("hands nothing over once the device has hung up", async () => {
    const socket = await openRawSocket(listener.port);
    socket.send(
      `GET /onep:v1/stack/alias?config_otau HTTP/1.1\r\nHost: x\r\nX-Exosite-CIK: ${token}\r\nRequest-Timeout: 300000\r\n\r\n`,
    );
    await untilWatched();
    socket.destroy();
    await untilWatched(0);
    listener.access.set("gw-1", "config_otau", "v1", startUs);
    expect(listener.access.reads).toEqual([]);
  });

  it("makes room when a device leaves too many behind", async () => {
    const polls = Array.from({ length: 9 }, () => poll({ "Request-Timeout": "300000" }));
    expect((await Promise.race(polls)).status).toBe(304);
    listener.access.set("gw-1", "config_otau", "v1", startUs);
    const statuses = (await Promise.all(polls)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(8);
  });

  it("is answered at once when the listener closes", async () => {
    const waiting = poll({ "Request-Timeout": "300000" });
    await untilWatched();
    const closed = listener.server.close(60_000);
    const response = await waiting;
    expect([response.status, response.headers.get("connection")]).toEqual([304, "close"]);
    await closed;
  });

  it.each([
    { "Request-Timeout": "soon" },
    { "Request-Timeout": "-1" },
    { "Request-Timeout": "10", "If-Modified-Since": "yesterday" },
  ])("is refused with %j", async (headers) => {
    expect((await poll(headers as Record<string, string>)).status).toBe(400);
  });
});
