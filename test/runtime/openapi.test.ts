import { expect, it } from "vitest";
import { z } from "zod";
import type { LoadedEndpoint } from "../../modules/runtime/load.ts";
import { buildOpenapi } from "../../modules/runtime/openapi.ts";
import { listQuery, listReply } from "../../modules/runtime/pagination.ts";
import { queryMany, withPrefixed } from "../../modules/runtime/query.ts";
import { endpoint } from "./support.ts";

const thing = z.strictObject({ id: z.string() }).meta({ id: "Thing" });
const params = z.strictObject({ productId: z.string() });

const samples = [
  {
    operationId: "things.list",
    file: "things.list.ts",
    endpoint: endpoint({
      method: "GET",
      path: "/products/{productId}/things",
      summary: "List things",
      tags: ["things"],
      security: { role: "viewer", scope: "product" },
      params,
      query: withPrefixed(listQuery({ state: queryMany(z.enum(["new", "old"])) }), "tag.", z.string()),
      reply: { status: 200, schema: listReply(thing) },
      errors: ["CURSOR_INVALID"],
      handle: () => ({ items: [], next: null }),
    }),
  },
  {
    operationId: "things.make",
    file: "things.make.ts",
    endpoint: endpoint({
      method: "POST",
      path: "/products/{productId}/things",
      summary: "Make a thing",
      tags: ["things"],
      security: { role: "operator", scope: "product" },
      rateLimit: 60,
      params,
      body: thing,
      reply: [{ status: 201, schema: thing }, { status: 204 }],
      errors: ["PACKAGE_IN_USE"],
      handle: ({ body }) => body,
    }),
  },
  {
    operationId: "health",
    file: "health.ts",
    endpoint: endpoint({
      method: "GET",
      path: "/healthz",
      summary: "Alive",
      tags: ["running"],
      security: { role: "none", scope: "root" },
      reply: { status: 200, contentType: "text/plain" },
      errors: [],
      handle: () => "ok",
    }),
  },
];

const endpoints: readonly LoadedEndpoint[] = samples;
const info = { title: "Sample", version: "1" };

it("is the same text in whatever order the endpoints were found", () => {
  const text = JSON.stringify(buildOpenapi(endpoints, info));
  expect(JSON.stringify(buildOpenapi([...endpoints].reverse(), info))).toBe(text);
});

it("says of each route what the definition says", () => {
  const document = buildOpenapi(endpoints, info);
  expect(document.openapi).toBe("3.1.1");
  expect(document.paths).toMatchObject({
    "/healthz": { get: { operationId: "health", security: [] } },
    "/products/{productId}/things": {
      get: {
        operationId: "things.list",
        security: [{ bearer: [] }],
        parameters: expect.arrayContaining([
          expect.objectContaining({ in: "path", name: "productId", required: true }),
          expect.objectContaining({
            in: "query",
            name: "limit",
            schema: expect.objectContaining({ type: "integer", maximum: 500 }),
          }),
          expect.objectContaining({ in: "query", name: "tag.{name}" }),
        ]),
      },
      post: {
        requestBody: {
          required: true,
          content: { "application/json": { schema: { $ref: "#/components/schemas/Thing" } } },
        },
        parameters: expect.arrayContaining([
          expect.objectContaining({ in: "header", name: "Idempotency-Key" }),
        ]),
      },
    },
  });
});

it("groups the errors by status, the runtime's own among them", () => {
  const post = buildOpenapi(endpoints, info).paths?.["/products/{productId}/things"]?.post;
  const statuses = Object.keys(post?.responses ?? {});
  expect(statuses).toEqual([
    "201",
    "204",
    "400",
    "401",
    "403",
    "404",
    "409",
    "413",
    "415",
    "422",
    "429",
    "500",
    "503",
  ]);
  expect(post?.responses?.["409"]).toMatchObject({
    description: expect.stringContaining("PACKAGE_IN_USE"),
    content: {
      "application/problem+json": {
        schema: { properties: { code: { enum: ["IDEMPOTENCY_IN_PROGRESS", "PACKAGE_IN_USE"] } } },
      },
    },
  });
});
