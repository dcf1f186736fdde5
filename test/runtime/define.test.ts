import type { Readable } from "node:stream";
import { expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import {
  createDefiners,
  isEndpoint,
  isEventHandler,
  isInitScript,
  type Principal,
} from "../../modules/runtime/define.ts";
import { created, isReply, noContent } from "../../modules/runtime/reply.ts";

type Role = "viewer" | "admin";
type Helpers = { readonly greet: (name: string) => string };
const { endpoint, eventHandler, initScript } = createDefiners<Helpers, Role>();

const thing = z.strictObject({ id: z.string(), state: z.enum(["new", "old"]) });

const put = endpoint({
  method: "PUT",
  path: "/products/{productId}/things/{thingId}",
  summary: "Keep a thing",
  tags: ["things"],
  security: { role: "admin", scope: "product" },
  params: z.strictObject({ productId: z.string(), thingId: z.string() }),
  query: z.strictObject({ tag: z.array(z.string()).optional() }),
  body: z.strictObject({ size: z.number() }),
  reply: [
    { status: 201, schema: thing },
    { status: 200, schema: thing },
  ],
  errors: [],
  handle: async ({ params, query, body, principal }, { greet }) => {
    expectTypeOf(params).toEqualTypeOf<{ productId: string; thingId: string }>();
    expectTypeOf(query.tag).toEqualTypeOf<string[] | undefined>();
    expectTypeOf(body.size).toEqualTypeOf<number>();
    expectTypeOf(principal).toEqualTypeOf<Principal<Role>>();
    if (body.size > 1) return { id: greet(params.thingId), state: "old" };
    return created(`/things/${params.thingId}`, { id: params.thingId, state: "new" }, { revision: 1 });
  },
});

const upload = endpoint({
  method: "PUT",
  path: "/blobs",
  summary: "Keep bytes",
  tags: [],
  security: { role: "none", scope: "root" },
  bodyKind: "stream",
  reply: { status: 204 },
  errors: [],
  handle: ({ body, principal }) => {
    expectTypeOf(body).toEqualTypeOf<Readable>();
    expectTypeOf(principal).toEqualTypeOf<undefined>();
    return noContent();
  },
});

it("keeps the types of an endpoint on the value, for a client to be derived from", () => {
  expectTypeOf(put.method).toEqualTypeOf<"PUT">();
  expectTypeOf(put.path).toEqualTypeOf<"/products/{productId}/things/{thingId}">();
  expectTypeOf<z.input<NonNullable<typeof put.body>>>().toEqualTypeOf<{ size: number }>();
  expectTypeOf(upload.bodyKind).toEqualTypeOf<"stream" | undefined>();
});

it("marks what the definers made, and nothing else", () => {
  const handler = eventHandler({ payload: z.string(), handle: (text) => text.length });
  const init = initScript(() => {});
  expect(isEndpoint(put)).toBe(true);
  expect(isEventHandler(handler)).toBe(true);
  expect(isInitScript(init)).toBe(true);
  expect(isEndpoint(handler)).toBe(false);
  expect(isEndpoint({ ...upload })).toBe(false);
  expect(isEndpoint(null)).toBe(false);
});

it("never takes a plain body with reply-like fields for a reply", () => {
  expect(isReply({ status: "failed", body: "x", headers: {} })).toBe(false);
  expect(isReply(noContent())).toBe(true);
});
