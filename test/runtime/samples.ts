import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { z } from "zod";
import { OtauError } from "../../modules/errors.ts";
import { listQuery } from "../../modules/runtime/pagination.ts";
import { prefixedOf, queryMany, withPrefixed } from "../../modules/runtime/query.ts";
import { created, noContent, respond, revised, streamed, takenOver } from "../../modules/runtime/reply.ts";
import { endpoint } from "./support.ts";

const product = z.strictObject({ productId: z.string().regex(/^[a-z]{1,64}$/) });
const thingParams = product.extend({ thingId: z.string().min(1).max(200) });
export const thing = z.strictObject({ id: z.string(), size: z.number() });
export const base = { summary: "A sample", tags: ["samples"], errors: [] } as const;
const inProduct = { role: "viewer", scope: "product" } as const;
export const open = { role: "none", scope: "root" } as const;

/** An endpoint of every kind. */
export const endpoints = {
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
