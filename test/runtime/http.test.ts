import { Agent, request } from "node:http";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { OtauError } from "../../modules/errors.ts";
import { listQuery } from "../../modules/runtime/pagination.ts";
import { prefixedOf, queryMany, withPrefixed } from "../../modules/runtime/query.ts";
import {
  created,
  noContent,
  respond,
  respondJsonText,
  revised,
  streamed,
  takenOver,
} from "../../modules/runtime/reply.ts";
import { cleanUp, endpoint, json, problemIn, serve, type TestServer } from "./support.ts";

const product = z.strictObject({ productId: z.string().regex(/^[a-z]{1,64}$/) });
const thingParams = product.extend({ thingId: z.string().min(1).max(200) });
const thing = z.strictObject({ id: z.string(), size: z.number() });
const base = { summary: "A sample", tags: ["samples"], errors: [] } as const;
const inProduct = { role: "viewer", scope: "product" } as const;
const open = { role: "none", scope: "root" } as const;

const endpoints = {
  "things.get": endpoint({
    ...base,
    method: "GET",
    path: "/products/{productId}/things/{thingId}",
    security: inProduct,
    params: thingParams,
    reply: { status: 200, schema: thing },
    handle: ({ params }) => revised({ id: params.thingId, size: 1 }, 7),
  }),
  "things.put": endpoint({
    ...base,
    method: "PUT",
    path: "/products/{productId}/things/{thingId}",
    security: { role: "operator", scope: "product" },
    params: thingParams,
    body: z.strictObject({ size: z.number(), tags: z.record(z.string(), z.string()).optional() }),
    reply: [
      { status: 200, schema: thing },
      { status: 201, schema: thing },
    ],
    errors: ["REVISION_MISMATCH"],
    handle: ({ params, body, precondition }, { note }) => {
      note(JSON.stringify(precondition));
      if (precondition.ifMatch !== undefined && precondition.ifMatch !== 7) {
        throw new OtauError("REVISION_MISMATCH", "It has changed.", { revision: 7 });
      }
      return created(
        `/products/${params.productId}/things/x`,
        { id: params.thingId, ...body },
        { revision: 1 },
      );
    },
  }),
  "things.delete": endpoint({
    ...base,
    method: "DELETE",
    path: "/products/{productId}/things/{thingId}",
    security: { role: "admin", scope: "product" },
    params: thingParams,
    reply: { status: 204 },
    handle: () => noContent(),
  }),
  "things.list": endpoint({
    ...base,
    method: "GET",
    path: "/products/{productId}/things",
    security: inProduct,
    params: product,
    query: withPrefixed(
      listQuery({ state: queryMany(z.enum(["new", "old"])), q: z.string().optional() }),
      "tag.",
      z.string().regex(/^[a-z]+$/),
    ),
    reply: { status: 200, schema: z.strictObject({ query: z.unknown(), tags: z.array(z.unknown()) }) },
    handle: ({ query }) => ({ query, tags: [...prefixedOf(query, "tag.")] }),
  }),
  "things.import": endpoint({
    ...base,
    method: "POST",
    path: "/products/{productId}/things",
    security: { role: "operator", scope: "product" },
    params: product,
    body: z.array(thing),
    bodyKind: "ndjson",
    bodyLimitBytes: 4096,
    reply: { status: 200, schema: z.strictObject({ sizes: z.array(z.number()) }) },
    handle: ({ body }) => ({ sizes: body.map(({ size }) => size) }),
  }),
  echo: endpoint({
    ...base,
    method: "POST",
    path: "/echo",
    security: open,
    body: z.looseObject({}),
    reply: { status: 200, schema: z.strictObject({ keys: z.array(z.string()), text: z.string() }) },
    handle: ({ body, text: sent }) => ({ keys: Object.keys(body), text: sent }),
  }),
  upload: endpoint({
    ...base,
    method: "PUT",
    path: "/upload",
    security: open,
    bodyKind: "stream",
    bodyLimitBytes: 2 * 1024 * 1024,
    reply: { status: 200, schema: z.strictObject({ length: z.number(), type: z.string() }) },
    handle: async ({ body, contentType }) => ({ length: (await text(body)).length, type: contentType ?? "" }),
  }),
  act: endpoint({
    ...base,
    method: "POST",
    path: "/act",
    security: { role: "admin", scope: "root" },
    reply: { status: 200, schema: z.strictObject({ done: z.boolean() }) },
    handle: () => ({ done: true }),
  }),
  boom: endpoint({
    ...base,
    method: "GET",
    path: "/boom",
    security: open,
    query: z.strictObject({ how: z.enum(["throw", "store", "shape", "code"]) }),
    reply: { status: 200, schema: z.strictObject({ ok: z.boolean() }) },
    handle: ({ query }) => {
      if (query.how === "throw") throw new Error("the secret inside");
      if (query.how === "store") throw Object.assign(new Error("Connection is closed."), { lost: true });
      if (query.how === "code") throw new OtauError("UNKNOWN_DEVICES", "Unknown.", { identities: manyNames });
      return respond({ ok: JSON.parse("1") });
    },
  }),
  text: endpoint({
    ...base,
    method: "GET",
    path: "/text",
    security: { role: "viewer", scope: "root", openOnLoopback: true },
    reply: { status: 200, contentType: "text/plain; version=0.0.4" },
    handle: ({ principal }) => `up ${principal?.id ?? "nobody"}`,
  }),
  bytes: endpoint({
    ...base,
    method: "GET",
    path: "/bytes",
    security: open,
    reply: { status: 200, contentType: "application/octet-stream" },
    handle: () =>
      streamed(Readable.from([Buffer.from("ab"), Buffer.from("cd")]), { headers: { "X-Kind": "s" } }),
  }),
  events: endpoint({
    ...base,
    method: "GET",
    path: "/events",
    security: open,
    reply: { status: 200, contentType: "text/event-stream" },
    handle: ({ request: { signal } }, { note }) =>
      takenOver((response) => {
        response.write("data: 1\n\n");
        signal.addEventListener("abort", () => note("gone"));
      }),
  }),
};

const manyNames = Array.from({ length: 250 }, (_, index) => `gw-${index}`);
let server: TestServer;

beforeAll(async () => {
  server = await serve(endpoints, {
    translateError: (error) =>
      error instanceof Error && "lost" in error
        ? new OtauError("STORE_UNAVAILABLE", "The store is away.", { retryAfterSeconds: 2 })
        : undefined,
  });
});
afterAll(cleanUp);

const paths = async (response: Response) => (await problemIn(response)).errors?.map(({ path }) => path);

describe("a reply", () => {
  it("is the handler's body with its revision as ETag", async () => {
    const response = await server.call("/products/acme/things/a");
    expect(response.status).toBe(200);
    expect(response.headers.get("etag")).toBe('"7"');
    expect(response.headers.get("content-type")).toBe("application/json; charset=utf-8");
    expect(await response.json()).toEqual({ id: "a", size: 1 });
  });

  it("has no body for HEAD, but its length", async () => {
    const response = await server.call("/products/acme/things/a", { method: "HEAD" });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-length")).toBe(String('{"id":"a","size":1}'.length));
    expect(await response.text()).toBe("");
  });

  it("may be JSON text already, which is checked as any other", async () => {
    const stored = endpoint({
      ...base,
      method: "GET",
      path: "/stored",
      security: open,
      query: z.strictObject({ text: z.string() }),
      reply: { status: 200, schema: thing },
      handle: ({ query }) => respondJsonText(query.text, { revision: 3 }),
    });
    const { call } = await serve({ stored });
    const response = await call(`/stored?text=${encodeURIComponent('{"id": "a", "size": 1.0}')}`);
    expect([response.headers.get("etag"), await response.text()]).toEqual([
      '"3"',
      '{"id": "a", "size": 1.0}',
    ]);
    expect((await call("/stored?text={}")).status).toBe(500);
  });

  it("ends at once for HEAD of a stream", async () => {
    const head = await server.call("/events", { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
  });

  it("is 304 for a reader who has this revision", async () => {
    const response = await server.call("/products/acme/things/a", { headers: { "if-none-match": 'W/"7"' } });
    expect(response.status).toBe(304);
  });

  it("takes status and Location from the handler", async () => {
    const response = await server.call("/products/acme/things/a", json("PUT", { size: 2 }));
    expect(response.status).toBe(201);
    expect(response.headers.get("location")).toBe("/products/acme/things/x");
  });

  it("can be empty, text, a stream, or written by the handler until the caller goes", async () => {
    expect((await server.call("/products/acme/things/a", { method: "DELETE" })).status).toBe(204);
    const plain = await server.call("/text");
    expect(plain.headers.get("content-type")).toBe("text/plain; version=0.0.4");
    expect(await plain.text()).toBe("up nobody");
    const bytes = await server.call("/bytes");
    expect([await bytes.text(), bytes.headers.get("x-kind")]).toEqual(["abcd", "s"]);
    const stop = new AbortController();
    const events = await server.call("/events", { signal: stop.signal });
    expect(events.headers.get("content-type")).toBe("text/event-stream");
    stop.abort();
    await expect.poll(() => server.notes.includes("gone")).toBe(true);
  });

  it("carries a strict security policy and no trace of the framework", async () => {
    const { headers } = await server.call("/nowhere");
    expect(headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.has("x-powered-by")).toBe(false);
  });

  it("gives back the caller's request id if it is a sane one", async () => {
    const sane = await server.call("/text", { headers: { "x-request-id": "abc-1" } });
    expect(sane.headers.get("x-request-id")).toBe("abc-1");
    const wild = await server.call("/text", { headers: { "x-request-id": "a b<script>" } });
    expect(wild.headers.get("x-request-id")).toMatch(/^req-\d+$/);
  });
});

describe("who may call", () => {
  const as = (token: string | undefined, path: string, init: RequestInit = {}) =>
    fetch(`${server.url}${path}`, {
      ...init,
      headers: { ...init.headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
    });

  it("asks for a token and takes no unknown one", async () => {
    for (const token of [undefined, "wrong"]) {
      const response = await as(token, "/products/acme/things/a");
      expect(response.status).toBe(401);
      expect(response.headers.get("www-authenticate")).toBe("Bearer");
      expect((await problemIn(response)).code).toBe("UNAUTHORIZED");
    }
  });

  it("refuses a role that is too small", async () => {
    const response = await as("viewer-token", "/products/acme/things/a", json("PUT", { size: 1 }));
    expect((await problemIn(response)).code).toBe("FORBIDDEN");
  });

  it("says of another's product what it says of none, whatever the role", async () => {
    const other = await as("acme-token", "/products/other/things/a", { method: "DELETE" });
    expect((await problemIn(other)).code).toBe("NOT_FOUND");
    expect((await as("acme-token", "/products/acme/things/a")).status).toBe(200);
    const encoded = await as("acme-token", "/products/oth%65r/things/a");
    expect(encoded.status).toBe(404);
  });

  it("tells of each refusal who was refused what", async () => {
    await as("acme-token", "/products/other/things/a");
    expect(server.refusals.at(-1)).toMatchObject({
      operationId: "things.get",
      code: "NOT_FOUND",
      principal: { id: "tok-acme" },
      params: { productId: "other", thingId: "a" },
    });
  });

  it("wants a token for what is open on loopback when it listens elsewhere", async () => {
    const elsewhere = await serve(endpoints, {}, { onLoopbackOnly: false });
    expect((await fetch(`${elsewhere.url}/text`)).status).toBe(401);
    expect(await (await elsewhere.call("/text")).text()).toBe("up tok-admin");
  });

  it("answers 429 with Retry-After beyond the rate", async () => {
    const limited = await serve(
      { act: { ...endpoints.act, rateLimit: 1 } },
      {
        rateLimit: async (_operation, caller) => ({ allowed: caller !== "tok-admin", retryAfterSeconds: 9 }),
      },
    );
    const response = await limited.call("/act", { method: "POST" });
    expect(response.status).toBe(429);
    expect(response.headers.get("retry-after")).toBe("9");
  });
});

describe("routes", () => {
  it("knows nothing at unknown paths, in another case, or with a slash at the end", async () => {
    for (const path of ["/nowhere", "/ACT", "/act/", "/products//things/a"]) {
      expect((await problemIn(await server.call(path))).code).toBe("NOT_FOUND");
    }
  });

  it("names the methods that are allowed", async () => {
    const response = await server.call("/products/acme/things/a", { method: "POST" });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("DELETE, GET, HEAD, PUT");
    const options = await server.call("/products/acme/things/a", { method: "OPTIONS" });
    expect([options.status, options.headers.get("allow")]).toEqual([204, "DELETE, GET, HEAD, PUT"]);
  });

  it("decodes a segment once, slashes inside it included", async () => {
    const response = await server.call("/products/acme/things/a%2Fb%252F%C3%A9");
    expect(await response.json()).toEqual({ id: "a/b%2Fé", size: 1 });
  });

  it("refuses broken percent-encoding, bad UTF-8 and NUL", async () => {
    for (const bad of ["%", "%zz", "%ff", "a%00b"]) {
      expect((await problemIn(await server.call(`/products/acme/things/${bad}`))).code).toBe("INVALID_INPUT");
      expect((await server.call(`/products/acme/things?q=${bad}`)).status).toBe(400);
    }
  });

  it("bounds ids, URLs and headers", async () => {
    expect(await paths(await server.call(`/products/acme/things/${"x".repeat(10_000)}`))).toEqual([
      "thingId",
    ]);
    expect((await problemIn(await server.call(`/${"x".repeat(33_000)}`))).status).toBe(414);
    expect((await server.call("/text", { headers: { "x-big": "x".repeat(70_000) } })).status).toBe(431);
  });
});

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
    expect(await paths(await list("sate=new"))).toEqual(["sate"]);
    expect(await paths(await list("tag.UP=1"))).toEqual(["tag.UP"]);
    expect(await paths(await list("__proto__=1"))).toEqual(["__proto__"]);
    expect(await paths(await list("q=1&q=2"))).toEqual(["q"]);
    expect(await paths(await list("state=new&state=odd"))).toEqual(["state"]);
    expect(await paths(await server.call("/products/acme/things/a?x=1"))).toEqual(["x"]);
  });

  it("refuses limits that are no number from 1 to 500", async () => {
    for (const limit of ["0", "501", "1.5", "", "x", "1e2", "0x10"]) {
      expect(await paths(await list(`limit=${limit}`))).toEqual(["limit"]);
    }
  });
});

describe("a JSON body", () => {
  const put = (body: unknown, headers: Record<string, string> = {}) =>
    server.call("/products/acme/things/a", json("PUT", body, headers));

  it("refuses unknown fields and wrong types with pointers to them", async () => {
    expect(await paths(await put({ size: "1", siez: 1, tags: { "a/b": 1 } }))).toEqual([
      "/size",
      "/tags/a~1b",
      "/siez",
    ]);
    expect(await paths(await put([]))).toEqual([""]);
    expect(await paths(await put('{"size":1,"__proto__":{"admin":true}}'))).toEqual(["/__proto__"]);
    expect(await paths(await put({ size: [1] }))).toEqual(["/size"]);
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
    const sent = '{ "n": 1.0, "__proto__": { "polluted": 1 }, "constructor": 2 }';
    const reply = await (await server.call("/echo", json("POST", sent))).json();
    expect(reply).toEqual({ keys: ["n", "constructor"], text: sent });
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
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
    expect(await paths(await server.call("/act", json("POST", { force: true })))).toEqual(["/force"]);
  });

  it("can be one value a line where that is declared", async () => {
    const ndjson = { "content-type": "application/x-ndjson" };
    const lines = '{"id":"a","size":1}\n\n{"id":"b","size":2}\r\n';
    const response = await server.call("/products/acme/things", json("POST", lines, ndjson));
    expect(await response.json()).toEqual({ sizes: [1, 2] });
    const array = await server.call("/products/acme/things", json("POST", [{ id: "a", size: 3 }]));
    expect(await array.json()).toEqual({ sizes: [3] });
    const broken = await server.call("/products/acme/things", json("POST", '{"id":"a","size":1}\n{', ndjson));
    expect(await paths(broken)).toEqual(["/1"]);
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

describe("a failure", () => {
  it("of a handler costs one bare 500 and one line in the log", async () => {
    const before = server.lines().length;
    const response = await server.call("/boom?how=throw");
    const problem = await problemIn(response);
    expect(problem).toMatchObject({ status: 500, code: "INTERNAL" });
    expect(JSON.stringify(problem)).not.toContain("secret");
    await expect.poll(() => server.lines().length).toBe(before + 1);
    expect(server.lines().at(-1)).toMatchObject({
      requestId: problem.requestId,
      handler: "boom",
      status: 500,
      err: { message: "the secret inside" },
    });
  });

  it("of the store is 503 with Retry-After", async () => {
    const response = await server.call("/boom?how=store");
    expect(response.headers.get("retry-after")).toBe("2");
    expect((await problemIn(response)).code).toBe("STORE_UNAVAILABLE");
  });

  it("of a reply to keep its schema is ours", async () => {
    expect((await server.call("/boom?how=shape")).status).toBe(500);
    const lenient = await serve(endpoints, {}, { checkReplies: false });
    expect(await (await lenient.call("/boom?how=shape")).json()).toEqual({ ok: 1 });
  });

  it("lists at most 100 refused devices and their number", async () => {
    const problem = await problemIn(await server.call("/boom?how=code"));
    expect(problem).toMatchObject({ status: 422, count: 250 });
    expect(problem["identities"]).toHaveLength(100);
  });

  it("to speak HTTP is answered in the same form", async () => {
    const { port } = server.listening;
    const { createConnection } = await import("node:net");
    const socket = createConnection(port, "127.0.0.1");
    socket.end("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n");
    const answer = await text(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('"code":"INVALID_INPUT"');
  });
});

it("writes one line for each request, with the handler's name and never the query", async () => {
  const before = server.lines().length;
  await server.call("/products/acme/things?q=private");
  await expect.poll(() => server.lines().length).toBe(before + 1);
  const line = server.lines().at(-1);
  expect(line).toMatchObject({ handler: "things.list", method: "GET", status: 200, principal: "tok-admin" });
  expect(JSON.stringify(line)).not.toContain("private");
});
