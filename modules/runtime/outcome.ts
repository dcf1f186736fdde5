import type { IncomingMessage, ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { AnyEndpoint, ReplySpec } from "./define.ts";
import { repliesOf } from "./define.ts";
import { isReply, type Reply, type ReplyHeaders, type TakeOver } from "./reply.ts";
import { isUnchanged } from "./request-parts.ts";

/** A reply ready to be written: nothing can go wrong with its content any more. */
export type Outcome = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Uint8Array;
  readonly stream?: Readable;
  readonly takeOver?: TakeOver;
};

const jsonType = "application/json; charset=utf-8";

const lowerCased = (headers: ReplyHeaders): Record<string, string | readonly string[]> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

const checkBody = (operationId: string, spec: ReplySpec, body: unknown): void => {
  const issue = spec.schema?.safeParse(body).error?.issues[0];
  if (issue === undefined) return;
  const path = issue.path.map(String).join(".");
  throw new Error(
    `The reply ${spec.status} of ${operationId} breaks its schema at "${path}": ${issue.message}`,
  );
};

const isBytes = (body: unknown): body is string | Uint8Array =>
  typeof body === "string" || body instanceof Uint8Array;

const contentOf = (
  operationId: string,
  spec: ReplySpec,
  body: unknown,
): { readonly type?: string; readonly body?: string | Uint8Array } => {
  if (spec.contentType !== undefined) {
    if (isBytes(body)) return { type: spec.contentType, body };
    throw new Error(`The reply ${spec.status} of ${operationId} must be a string or bytes.`);
  }
  if (spec.schema === undefined) return {};
  return { type: jsonType, body: JSON.stringify(body) };
};

const plainReply = (body: unknown): Pick<Reply<unknown>, "status" | "headers" | "revision" | "body"> => ({
  status: undefined,
  headers: {},
  revision: undefined,
  body,
});

/**
 * Turns what a handler returned into what is sent, by the endpoint's declared replies.
 * With `check` a body that breaks its schema, or an undeclared status, is an error of ours.
 */
export const outcomeOf = (
  operationId: string,
  endpoint: Pick<AnyEndpoint, "reply">,
  returned: unknown,
  request: Pick<IncomingMessage, "method" | "headers">,
  check: boolean,
): Outcome => {
  const reply = isReply(returned) ? returned : plainReply(returned);
  const declared = repliesOf(endpoint.reply);
  const status = reply.status ?? declared[0]?.status ?? 200;
  const spec = declared.find((one) => one.status === status);
  if (spec === undefined && check) throw new Error(`${operationId} does not declare a reply ${status}.`);
  const headers = lowerCased(reply.headers);
  if (isReply(returned) && (returned.stream !== undefined || returned.takeOver !== undefined)) {
    const { stream, takeOver } = returned;
    const type = spec?.contentType === undefined ? {} : { "content-type": spec.contentType };
    return {
      status,
      headers: { ...type, ...headers },
      ...(stream && { stream }),
      ...(takeOver && { takeOver }),
    };
  }
  const tag = reply.revision === undefined ? {} : { etag: `"${reply.revision}"` };
  if (reply.revision !== undefined && isRead(request) && isUnchanged(request.headers, reply.revision)) {
    return { status: 304, headers: tag };
  }
  const jsonText = isReply(returned) ? returned.jsonText : undefined;
  if (check && spec !== undefined) {
    checkBody(operationId, spec, jsonText === undefined ? reply.body : JSON.parse(jsonText));
  }
  const content =
    jsonText === undefined
      ? contentOf(operationId, spec ?? { status }, reply.body)
      : { type: jsonType, body: jsonText };
  return {
    status,
    headers: { ...(content.type === undefined ? {} : { "content-type": content.type }), ...tag, ...headers },
    ...(content.body === undefined ? {} : { body: content.body }),
  };
};

const isRead = (request: Pick<IncomingMessage, "method">): boolean =>
  request.method === "GET" || request.method === "HEAD";

/** Writes an outcome. A stream that fails midway cuts the connection, as there is no other way to tell. */
export const writeOutcome = async (
  request: Pick<IncomingMessage, "method">,
  response: ServerResponse,
  outcome: Outcome,
): Promise<void> => {
  response.statusCode = outcome.status;
  if (outcome.headers["cache-control"] === undefined) {
    response.setHeader("cache-control", outcome.headers["etag"] === undefined ? "no-store" : "no-cache");
  }
  for (const [name, value] of Object.entries(outcome.headers)) response.setHeader(name, value);
  if (request.method === "HEAD" && (outcome.takeOver !== undefined || outcome.stream !== undefined)) {
    outcome.stream?.destroy();
    response.end();
    return;
  }
  if (outcome.takeOver !== undefined) {
    response.flushHeaders();
    return outcome.takeOver(response);
  }
  if (outcome.stream !== undefined) return pipeline(outcome.stream, response);
  // Bytes, as Node writes a long string several times slower.
  const body = typeof outcome.body === "string" ? Buffer.from(outcome.body) : outcome.body;
  if (outcome.status !== 204 && outcome.status !== 304)
    response.setHeader("content-length", body?.byteLength ?? 0);
  response.end(body);
};
