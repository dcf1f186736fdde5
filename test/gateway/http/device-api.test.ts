import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openRawSocket } from "../support/raw-socket.ts";
import { type Listener, openListener, token } from "./support.ts";

let listener: Listener;

beforeEach(async () => {
  listener = await openListener();
});

afterEach(async () => {
  await listener.server.close(0);
});

const headers = { "X-Exosite-CIK": token };
const request = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${listener.url}${path}`, { ...init, headers: { ...headers, ...init.headers } });
const post = (path: string, body: string): Promise<Response> => request(path, { method: "POST", body });

describe("activation", () => {
  it("gives the token once, then 409", async () => {
    listener.access.addDevice("new-1");
    const first = await post("/provision/activate", "id=new-1");
    expect([first.status, (await first.text()).length]).toEqual([200, 40]);
    expect((await post("/provision/activate", "id=new-1")).status).toBe(409);
  });

  it("knows the product by the first label of the host", async () => {
    listener.access.addDevice("new-1", undefined, "acme");
    const socket = await openRawSocket(listener.port);
    socket.send(
      "POST /provision/activate HTTP/1.1\r\nHost: acme.m2.exosite.io:443\r\nContent-Length: 8\r\n\r\nid=new-1",
    );
    expect(await socket.until("\r\n\r\n")).toMatch(/^HTTP\/1\.1 200 /);
    socket.destroy();
  });

  it.each([
    ["id=nobody", 404],
    ["", 400],
    ["id=", 400],
    ["id=a%2Fb", 400],
    ["id=..", 400],
    ["id=a%00", 400],
    [`id=${"x".repeat(10_000)}`, 400],
  ])("answers %.20s with %i", async (body, status) => {
    expect((await post("/provision/activate", body)).status).toBe(status);
  });
});

describe("writing", () => {
  it("is 204 once stored, with the origin told", async () => {
    expect((await post("/onep:v1/stack/alias", "a=1&b=2")).status).toBe(204);
    expect(listener.access.written).toEqual([
      {
        identity: "gw-1",
        entry: { values: { a: "1", b: "2" } },
        origin: { ip: "127.0.0.1", protocol: "http" },
      },
    ]);
  });

  it("keeps every value of a resource named twice", async () => {
    await post("/onep:v1/stack/alias", "a=1&b=2&a=3");
    expect(listener.access.written.map(({ entry }) => entry.values)).toEqual([
      { a: "1", b: "2" },
      { a: "3" },
    ]);
  });

  it("takes the path with its colon escaped", async () => {
    expect((await post("/onep%3Av1/stack/alias", "a=1")).status).toBe(204);
    expect((await post("/onep%3av1/stack/alias", "a=1")).status).toBe(204);
  });

  it("stores names that JavaScript knows as plain names", async () => {
    await post("/onep:v1/stack/alias", "__proto__=1&constructor=2");
    const values = listener.access.written[0]?.entry.values ?? {};
    expect(Object.entries(values)).toEqual([
      ["__proto__", "1"],
      ["constructor", "2"],
    ]);
  });

  it("ignores names that no resource can have", async () => {
    expect((await post("/onep:v1/stack/alias", `$x=1&a.b=2&c%00=3&${"d".repeat(200)}=4`)).status).toBe(204);
    expect(listener.access.written).toEqual([]);
  });

  it("refuses an empty body", async () => {
    expect((await post("/onep:v1/stack/alias", "")).status).toBe(400);
  });

  it("refuses a value above 1 MiB and stores nothing of the request", async () => {
    const limit = "x".repeat(1_048_576);
    expect((await post("/onep:v1/stack/alias", `a=1&b=${limit}x`)).status).toBe(413);
    expect(listener.access.written).toEqual([]);
    expect((await post("/onep:v1/stack/alias", `b=${limit}`)).status).toBe(204);
  });

  it("refuses a body that never ends", async () => {
    const endless = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(65_536).fill(120)),
    });
    const sent = request("/onep:v1/stack/alias", {
      method: "POST",
      body: endless,
      duplex: "half",
    } as RequestInit);
    await expect(sent.then((response) => response.status).catch(() => 413)).resolves.toBe(413);
  });

  it("says when the store is away and when to come back", async () => {
    listener.access.isAway = true;
    const response = await post("/onep:v1/stack/alias", "a=1");
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "2"]);
  });
});

describe("recording", () => {
  it("stores values with the stamps given", async () => {
    const response = await post(
      "/onep:v1/stack/record",
      "alias=a&1600000000=1&1600000001=2&alias=b&1600000000=3",
    );
    expect(response.status).toBe(204);
    expect(listener.access.written.map(({ entry }) => entry)).toEqual([
      { timestamp: 1600000000, values: { a: "1", b: "3" } },
      { timestamp: 1600000001, values: { a: "2" } },
    ]);
  });

  it("answers a stamp given twice with 409 and the stamp", async () => {
    const response = await post("/onep:v1/stack/record", "alias=a&1600000000=1&1600000000=2");
    expect([response.status, await response.text()]).toEqual([409, "1600000000"]);
  });

  it.each(["", "1600000000=1", "alias=a&soon=1", "alias=a"])("refuses %j", async (body) => {
    expect((await post("/onep:v1/stack/record", body)).status).toBe(400);
  });
});

describe("reading", () => {
  it("gives what has a value and 204 when nothing has", async () => {
    listener.access.set("gw-1", "b", "2", 1);
    expect(await (await request("/onep:v1/stack/alias?a&b&b")).text()).toBe("b=2");
    expect((await request("/onep:v1/stack/alias?a")).status).toBe(204);
    expect((await request("/onep:v1/stack/alias")).status).toBe(400);
  });

  it("answers unknown paths with 404 and other methods with 405", async () => {
    expect((await request("/nowhere")).status).toBe(404);
    expect((await request("/%00")).status).toBe(404);
    const refused = await request("/onep:v1/stack/alias", { method: "DELETE" });
    expect([refused.status, refused.headers.get("allow")]).toEqual([405, "GET, POST"]);
  });

  it("needs a credential", async () => {
    const bare = await fetch(`${listener.url}/onep:v1/stack/alias?a`);
    expect(bare.status).toBe(401);
    const wrong = await fetch(`${listener.url}/onep:v1/stack/alias?a`, {
      headers: { Authorization: `Bearer ${token}` },
    });
    expect(wrong.status).toBe(401);
  });
});

describe("a listener", () => {
  it("tells that it is up", async () => {
    expect(listener.access.beats).toBeGreaterThan(0);
  });
});
