import { z } from "zod";
import { createDocument, type ZodOpenApiOperationObject } from "zod-openapi";
import { type ErrorCode, errorCatalogue } from "../errors.ts";
import { type AnyEndpoint, type ReplySpec, repliesOf } from "./define.ts";
import type { LoadedEndpoint } from "./load.ts";

/** What stands at the top of the document. */
export type OpenapiInfo = { readonly title: string; readonly version: string; readonly description?: string };

/** An OpenAPI 3.1 document, ready for JSON. */
export type OpenapiDocument = ReturnType<typeof createDocument>;

type Responses = ZodOpenApiOperationObject["responses"];
type Parameters = NonNullable<ZodOpenApiOperationObject["parameters"]>;

const problemSchema = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string(),
    requestId: z.string(),
    errors: z.array(z.strictObject({ path: z.string(), message: z.string() })).optional(),
    identities: z.array(z.string()).optional().meta({ description: "The first 100 refused devices" }),
    count: z.int().optional().meta({ description: "How many devices were refused" }),
    revision: z.int().optional().meta({ description: "The present revision, with REVISION_MISMATCH" }),
  })
  .meta({ id: "Problem", description: "What every error is answered with" });

const takesBody = ({ body, bodyKind }: AnyEndpoint): boolean => body !== undefined || bodyKind === "stream";

/** The codes an endpoint may answer: its own and those of the runtime around it. */
const codesOf = (endpoint: AnyEndpoint): readonly ErrorCode[] => {
  const { method, path, security, rateLimit, errors } = endpoint;
  const isWrite = method !== "GET";
  const groups: readonly (readonly [boolean, readonly ErrorCode[]])[] = [
    [true, ["INVALID_INPUT", "INTERNAL", "STORE_UNAVAILABLE"]],
    [security.role !== "none", ["UNAUTHORIZED", "FORBIDDEN"]],
    [path.includes("{"), ["NOT_FOUND"]],
    [isWrite && method !== "POST", ["REVISION_MISMATCH"]],
    [takesBody(endpoint), ["TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE"]],
    [method === "POST", ["IDEMPOTENCY_IN_PROGRESS", "IDEMPOTENCY_KEY_REUSED"]],
    [rateLimit !== undefined, ["RATE_LIMITED"]],
    [true, errors],
  ];
  return [...new Set(groups.flatMap(([applies, codes]) => (applies ? codes : [])))];
};

const errorResponses = (endpoint: AnyEndpoint): Responses => {
  const byStatus = Map.groupBy(codesOf(endpoint), (code) => errorCatalogue[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      String(status),
      {
        description: codes.map((code) => `${code}: ${errorCatalogue[code].title}`).join("; "),
        content: {
          "application/problem+json": {
            schema: {
              allOf: [{ $ref: "#/components/schemas/Problem" }],
              properties: { code: { enum: [...codes] } },
            },
          },
        },
        ...(status === 429 || status === 503
          ? {
              headers: {
                "Retry-After": { description: "Seconds to wait", schema: { type: "integer" as const } },
              },
            }
          : {}),
      },
    ]),
  );
};

const defaultDescriptions: Readonly<Record<number, string>> = {
  200: "Done",
  201: "Created",
  202: "Accepted and stored",
  204: "Done, nothing to tell",
  206: "A part of the bytes",
};

const contentOf = ({ schema, contentType }: ReplySpec) => {
  if (contentType !== undefined) return { [contentType]: { schema: { type: "string" as const } } };
  return schema === undefined ? undefined : { "application/json": { schema } };
};

const replyResponses = (endpoint: AnyEndpoint): Responses =>
  Object.fromEntries(
    repliesOf(endpoint.reply).map((reply) => {
      const content = contentOf(reply);
      const description = reply.description ?? defaultDescriptions[reply.status] ?? `Status ${reply.status}`;
      return [String(reply.status), { description, ...(content === undefined ? {} : { content }) }];
    }),
  );

const requestBodyOf = ({ body, bodyKind }: AnyEndpoint): Pick<ZodOpenApiOperationObject, "requestBody"> => {
  if (bodyKind === "stream") {
    return { requestBody: { content: { "*/*": { schema: { type: "string", format: "binary" } } } } };
  }
  if (body === undefined) return {};
  const lines = {
    "application/x-ndjson": { schema: { type: "string" as const, description: "One value a line" } },
  };
  return {
    requestBody: {
      required: !body.safeParse(undefined).success,
      content: { "application/json": { schema: body }, ...(bodyKind === "ndjson" ? lines : {}) },
    },
  };
};

const header = (name: string, description: string): Parameters[number] => ({
  in: "header",
  name,
  description,
  schema: { type: "string" },
});

const prefixedParameter = ({ query }: AnyEndpoint): Parameters => {
  const prefix = query?.meta()?.["prefixedParameter"];
  if (typeof prefix !== "string") return [];
  const schema = { type: "array" as const, items: { type: "string" as const } };
  return [
    { in: "query", name: `${prefix}{name}`, description: `Any name after "${prefix}"; repeatable`, schema },
  ];
};

const parametersOf = (endpoint: AnyEndpoint): Parameters => {
  const { method } = endpoint;
  if (method === "POST") {
    const key = "1-128 visible ASCII characters; the same request with the same key is done once in 24 hours";
    return [...prefixedParameter(endpoint), header("Idempotency-Key", key)];
  }
  if (method === "GET") return prefixedParameter(endpoint);
  return [
    ...prefixedParameter(endpoint),
    header("If-Match", 'The revision seen, as "5", or * for any'),
    header("If-None-Match", "* if it must not exist yet"),
  ];
};

const operationOf = ({ operationId, endpoint }: LoadedEndpoint): ZodOpenApiOperationObject => {
  const { summary, description, tags, security, params, query } = endpoint;
  const parameters = parametersOf(endpoint);
  return {
    operationId,
    summary,
    ...(description === undefined ? {} : { description }),
    tags: [...tags],
    security: security.role === "none" ? [] : [{ bearer: [] }],
    ...(security.role === "none" ? {} : { "x-role": security.role }),
    requestParams: { ...(params && { path: params }), ...(query && { query }) },
    ...(parameters.length === 0 ? {} : { parameters }),
    ...requestBodyOf(endpoint),
    responses: { ...errorResponses(endpoint), ...replyResponses(endpoint) },
  };
};

const byRoute = (a: LoadedEndpoint, b: LoadedEndpoint): number => {
  const [left, right] = [
    `${a.endpoint.path} ${a.endpoint.method}`,
    `${b.endpoint.path} ${b.endpoint.method}`,
  ];
  return left < right ? -1 : 1;
};

/**
 * The OpenAPI 3.1 document of a solution's endpoints, from the very definitions that serve them.
 * The same endpoints give the same text, in whatever order they were found.
 */
export const buildOpenapi = (endpoints: readonly LoadedEndpoint[], info: OpenapiInfo): OpenapiDocument => {
  const sorted = [...endpoints].sort(byRoute);
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  for (const loaded of sorted) {
    const { path, method } = loaded.endpoint;
    paths[path] = { ...paths[path], [method.toLowerCase()]: operationOf(loaded) };
  }
  const tags = [...new Set(sorted.flatMap(({ endpoint }) => endpoint.tags))].sort();
  return createDocument({
    openapi: "3.1.1",
    info: { ...info },
    tags: tags.map((name) => ({ name })),
    paths,
    components: {
      schemas: { Problem: problemSchema },
      securitySchemes: { bearer: { type: "http", scheme: "bearer" } },
    },
  });
};
