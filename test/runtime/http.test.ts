import { createConnection } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { OtauError } from "../../modules/errors.ts";
import { respondJsonText } from "../../modules/runtime/reply.ts";
import { base, endpoints, open, thing } from "./samples.ts";
import { cleanUp, endpoint, faultPaths, json, problemIn, serve, type TestServer } from "./support.ts";

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
    expect(await faultPaths(await server.call(`/products/acme/things/${"x".repeat(10_000)}`))).toEqual([
      "thingId",
    ]);
    expect((await problemIn(await server.call(`/${"x".repeat(33_000)}`))).status).toBe(414);
    expect((await server.call("/text", { headers: { "x-big": "x".repeat(70_000) } })).status).toBe(431);
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
