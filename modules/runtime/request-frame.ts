import type { IncomingMessage, ServerResponse } from "node:http";
import type { ErrorRequestHandler, RequestHandler } from "express";
import { OtauError } from "../errors.ts";
import type { CallState, HttpPorts } from "./call.ts";
import { isRefusal, problemOf } from "./problem.ts";

type Begun = CallState & { readonly startedMs: number; error?: unknown; code?: string };

/** What stands around every request: its id, its log line, and the answer when something is thrown. */
export type RequestFrame = {
  readonly begin: RequestHandler;
  readonly fail: ErrorRequestHandler;
  readonly stateOf: (response: ServerResponse) => CallState;
};

const requestIdPattern = /^[A-Za-z0-9._-]{1,64}$/;

const requestIdOf = (request: IncomingMessage, newRequestId: () => string): string => {
  const given = request.headers["x-request-id"];
  return typeof given === "string" && requestIdPattern.test(given) ? given : newRequestId();
};

/** One line for each request, written when it is over; a failure of ours is on that same line. */
const logRequest = (
  log: HttpPorts["log"],
  begun: Begun,
  request: IncomingMessage,
  response: ServerResponse,
): void => {
  const line = {
    requestId: begun.id,
    handler: begun.operationId,
    method: request.method,
    // Without the query: it may hold what no log should.
    path: (request.url ?? "").split("?", 1)[0]?.slice(0, 512),
    status: response.statusCode,
    durationMs: Math.round((performance.now() - begun.startedMs) * 10) / 10,
    principal: begun.principal?.id,
    ...(begun.code === undefined ? {} : { code: begun.code }),
    ...(response.writableFinished ? {} : { cut: true }),
  };
  if (begun.error === undefined) log.info(line, "request");
  else log.error({ ...line, err: begun.error }, "request failed");
};

const sendProblem = (response: ServerResponse, error: unknown, id: string): void => {
  const { problem, headers } = problemOf(error, id);
  const body = JSON.stringify(problem);
  response.statusCode = problem.status;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.setHeader("content-type", "application/problem+json");
  response.setHeader("cache-control", "no-store");
  response.setHeader("content-length", Buffer.byteLength(body));
  response.end(body);
};

/** Express refuses what it cannot decode with a plain error that has a status. */
const fromExpress = (error: unknown): OtauError | undefined =>
  error instanceof Error && "status" in error && error.status === 400
    ? new OtauError("INVALID_INPUT", "The URL is not valid.")
    : undefined;

const tell = (ports: HttpPorts, begun: Begun, request: IncomingMessage, error: OtauError): void =>
  ports.onRefusal?.({
    requestId: begun.id,
    operationId: begun.operationId ?? "",
    method: request.method ?? "",
    principal: begun.principal,
    remoteAddress: request.socket.remoteAddress ?? "",
    params: begun.params ?? {},
    code: error.code,
    detail: error.message,
  });

/** Makes the frame; both of its handlers share what is known of each request. */
export const makeRequestFrame = (ports: HttpPorts): RequestFrame => {
  const known = new WeakMap<ServerResponse, Begun>();
  const stateOf = (response: ServerResponse): Begun =>
    known.get(response) ?? { id: ports.newRequestId(), startedMs: performance.now() };

  const begin: RequestHandler = (request, response, next) => {
    const state: Begun = { id: requestIdOf(request, ports.newRequestId), startedMs: performance.now() };
    known.set(response, state);
    response.setHeader("x-request-id", state.id);
    response.once("close", () => logRequest(ports.log, state, request, response));
    next();
  };

  const fail: ErrorRequestHandler = (thrown: unknown, request, response, _next) => {
    const state = stateOf(response);
    const error = isRefusal(thrown)
      ? thrown
      : (ports.translateError?.(thrown) ?? fromExpress(thrown) ?? thrown);
    if (isRefusal(error)) {
      state.code = error.code;
      tell(ports, state, request, error);
    } else if (!response.destroyed) {
      state.code = "INTERNAL";
      state.error = error;
    }
    // After the first byte, or without a caller, there is no one left to tell.
    if (response.headersSent || response.destroyed) response.destroy();
    else sendProblem(response, error, state.id);
  };

  return { begin, fail, stateOf };
};
