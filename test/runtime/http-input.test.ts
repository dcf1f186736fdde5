import { Agent, request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OtauError } from "../../modules/errors.ts";
import { base, endpoints, open } from "./samples.ts";
import { cleanUp, endpoint, faultPaths, json, problemIn, serve, type TestServer } from "./support.ts";

let server: TestServer;

beforeAll(async () => {
  server = await serve(endpoints);
});
afterAll(cleanUp);

describe("a query", () => {
  const list = (query: string) => server.call(`/products/acme/things?${query}`);

  it("gives repeated filters as a list and single ones as they are", async () => {
    const response = await list("state=new&state=old&q=a+b%26&tag.site=x&tag.site=y&limit=5");
    expect(await response.json()).toMatchObject({
      query: { state: ["new", "old"], q: "a b&", limit: 5 },
      tags: [["site", ["x", "y"]]],
    });
    expect(await (await list("state=new")).json()).toMatchObject({ query: { state: ["new"], limit: 50 } });
  });

  it("refuses what it does not know, naming it", async () => {
    expect(await faultPaths(await list("sate=new"))).toEqual(["sate"]);
    expect(await faultPaths(await list("tag.UP=1"))).toEqual(["tag.UP"]);
    expect(await faultPaths(await list("__proto__=1"))).toEqual(["__proto__"]);
    expect(await faultPaths(await list("q=1&q=2"))).toEqual(["q"]);
    expect(await faultPaths(await list("state=new&state=odd"))).toEqual(["state"]);
    expect(await faultPaths(await server.call("/products/acme/things/a?x=1"))).toEqual(["x"]);
  });

  it("refuses limits that are no number from 1 to 500", async () => {
    for (const limit of ["0", "501", "1.5", "", "x", "1e2", "0x10"]) {
      expect(await faultPaths(await list(`limit=${limit}`))).toEqual(["limit"]);
    }
  });
});

describe("a JSON body", () => {
  const put = (body: unknown, headers: Record<string, string> = {}) =>
    server.call("/products/acme/things/a", json("PUT", body, headers));

  it("refuses unknown fields and wrong types with pointers to them", async () => {
    expect(await faultPaths(await put({ size: "1", siez: 1, tags: { "a/b": 1 } }))).toEqual([
      "/size",
      "/tags/a~1b",
      "/siez",
    ]);
    expect(await faultPaths(await put([]))).toEqual([""]);
    expect(await faultPaths(await put('{"size":1,"__proto__":{"admin":true}}'))).toEqual(["/__proto__"]);
    expect(await faultPaths(await put({ size: [1] }))).toEqual(["/size"]);
  });

  it("refuses an empty body, broken JSON and bytes that are not UTF-8", async () => {
    expect((await server.call("/products/acme/things/a", { method: "PUT" })).status).toBe(400);
    expect((await put("")).status).toBe(400);
    expect((await problemIn(await put('{"size":'))).detail).toContain("not valid JSON");
    const bytes = new Uint8Array([0x22, 0xff, 0x22]);
    expect((await server.call("/products/acme/things/a", { ...json("PUT", ""), body: bytes })).status).toBe(
      400,
    );
  });

  it("refuses nesting beyond 64 levels before parsing, brackets in strings not counted", async () => {
    const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;
    expect((await server.call("/echo", json("POST", nested(64)))).status).toBe(200);
    expect((await server.call("/echo", json("POST", nested(65)))).status).toBe(400);
    const deep = await server.call("/echo", json("POST", "[".repeat(100_000)));
    expect((await problemIn(deep)).detail).toContain("64 levels");
    expect((await server.call("/echo", json("POST", { a: `\\"${"[".repeat(1000)}` }))).status).toBe(200);
  });

  it("reaches the handler with its exact text, and no prototype is touched", async () => {
    const sent = '{ "n": 1.0, "constructor": 2 }';
    const reply = await (await server.call("/echo", json("POST", sent))).json();
    expect(reply).toEqual({ keys: ["n", "constructor"], text: sent });
    const polluting = '{ "n": 1.0, "__proto__": { "polluted": 1 } }';
    expect(await faultPaths(await server.call("/echo", json("POST", polluting)))).toEqual(["/__proto__"]);
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
  });

  it("refuses a name that records let fall, however deep", async () => {
    const tags = '{"size":1,"tags":{"a":"x","__proto__":"y"}}';
    expect(await faultPaths(await put(tags))).toEqual(["/tags/__proto__"]);
  });

  it("says what is missing and what is of another type in words", async () => {
    expect((await problemIn(await put({}))).detail).toBe("/size: is missing; it must be a number.");
    expect((await problemIn(await put({ size: "1" }))).detail).toBe("/size: must be a number, not string.");
  });

  it("must be JSON in UTF-8, and not compressed", async () => {
    for (const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "application/json; charset=latin1",
    ]) {
      expect((await problemIn(await put({ size: 1 }, { "content-type": type }))).code).toBe(
        "UNSUPPORTED_MEDIA_TYPE",
      );
    }
    expect((await put({ size: 1 }, { "content-encoding": "gzip" })).status).toBe(415);
    expect((await put({ size: 1 }, { "content-type": "application/json; charset=UTF-8" })).status).toBe(201);
  });

  it("is refused beyond its limit, announced or not", async () => {
    const long = JSON.stringify({ a: "x".repeat(1024 * 1024) });
    expect((await problemIn(await server.call("/echo", json("POST", long)))).code).toBe("TOO_LARGE");
    const chunked = new ReadableStream({
      start: (controller) => {
        for (let part = 0; part < 20; part += 1) controller.enqueue(new Uint8Array(100_000).fill(0x20));
        controller.close();
      },
    });
    const response = await server.call("/echo", { ...json("POST", ""), body: chunked, duplex: "half" });
    expect(response.status).toBe(413);
  });

  it("may be absent or an empty object where none is declared, and nothing else", async () => {
    expect((await server.call("/act", { method: "POST" })).status).toBe(200);
    expect((await server.call("/act", json("POST", {}))).status).toBe(200);
    expect(await faultPaths(await server.call("/act", json("POST", { force: true })))).toEqual(["/force"]);
  });

  it("can be one value a line where that is declared", async () => {
    const ndjson = { "content-type": "application/x-ndjson" };
    const lines = '{"id":"a","size":1}\n\n{"id":"b","size":2}\r\n';
    const response = await server.call("/products/acme/things", json("POST", lines, ndjson));
    expect(await response.json()).toEqual({ sizes: [1, 2] });
    const array = await server.call("/products/acme/things", json("POST", [{ id: "a", size: 3 }]));
    expect(await array.json()).toEqual({ sizes: [3] });
    const broken = await server.call("/products/acme/things", json("POST", '{"id":"a","size":1}\n{', ndjson));
    expect(await faultPaths(broken)).toEqual(["/1"]);
    const long = await server.call("/products/acme/things", json("POST", `${lines.repeat(200)}`, ndjson));
    expect(long.status).toBe(413);
  });
});

describe("a streamed body", () => {
  it("reaches the handler as it comes, empty too", async () => {
    const some = await server.call("/upload", {
      method: "PUT",
      body: "x".repeat(200_000),
      headers: { "content-type": "a/b" },
    });
    expect(await some.json()).toEqual({ length: 200_000, type: "a/b" });
    expect(await (await server.call("/upload", { method: "PUT" })).json()).toEqual({ length: 0, type: "" });
  });

  it("is refused beyond its limit, and a caller who leaves costs nothing", async () => {
    const long = await server.call("/upload", { method: "PUT", body: new Uint8Array(3 * 1024 * 1024) });
    expect(long.status).toBe(413);
    await new Promise<void>((resolve) => {
      const cut = request(`${server.url}/upload`, { method: "PUT", headers: { "content-length": "1000" } });
      cut.on("error", () => resolve()).on("close", () => resolve());
      cut.write("half", () => cut.destroy());
    });
    expect((await server.call("/text")).status).toBe(200);
  });
});

it("reads off an upload that the handler refused, so that its connection goes on", async () => {
  const refusing = endpoint({
    ...base,
    method: "PUT",
    path: "/refusing",
    security: open,
    bodyKind: "stream",
    bodyLimitBytes: 8 * 1024 * 1024,
    reply: { status: 204 },
    handle: () => {
      throw new OtauError("PACKAGE_IN_USE", "It is in use.");
    },
  });
  const { listening } = await serve({ refusing });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const put = () =>
    new Promise<number | undefined>((resolve, reject) => {
      const sent = request(`${listening.url}/refusing`, { method: "PUT", agent }, (response) => {
        response.resume().once("end", () => resolve(response.statusCode));
      });
      sent.once("error", reject).end(new Uint8Array(4 * 1024 * 1024));
    });
  expect(await put()).toBe(409);
  expect(await put()).toBe(409);
  agent.destroy();
});

describe("preconditions", () => {
  const put = (headers: Record<string, string>) =>
    server.call("/products/acme/things/a", json("PUT", { size: 1 }, headers));

  it("reach the handler, and a mismatch answers the present revision", async () => {
    expect((await put({ "if-match": '"7"' })).status).toBe(201);
    const stale = await put({ "if-match": '"6"' });
    expect(await problemIn(stale)).toMatchObject({ status: 412, code: "REVISION_MISMATCH", revision: 7 });
    await put({ "if-none-match": "*" });
    expect(server.notes.at(-1)).toBe('{"ifNoneMatch":true}');
    await put({ "if-match": "*" });
    expect(server.notes.at(-1)).toBe('{"ifExists":true}');
  });

  it("never match with a foreign or weak tag, and refuse what is no tag", async () => {
    expect((await put({ "if-match": '"abc"' })).status).toBe(412);
    expect((await put({ "if-match": 'W/"7"' })).status).toBe(412);
    for (const tag of ["7", '"7", "8"', ""]) expect((await put({ "if-match": tag })).status).toBe(400);
    expect((await put({ "if-none-match": '"7"' })).status).toBe(400);
  });
});
