import type { IncomingMessage, ServerResponse } from "node:http";
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from "express";
import helmet from "helmet";
import { OtauError } from "../errors.ts";
import { type CallState, type EndpointCall, type HttpPorts, makeEndpointCall } from "./call.ts";
import { makeCors } from "./cors.ts";
import { expressPath } from "./endpoint-rules.ts";
import type { LoadedEndpoint } from "./load.ts";
import type { Cors } from "./manifest.ts";
import { writeOutcome } from "./outcome.ts";
import { isRefusal, problemOf } from "./problem.ts";
import { checkUrl } from "./request-parts.ts";

/** What an app is made of. */
export type HttpSettings = {
  readonly endpoints: readonly LoadedEndpoint[];
  readonly cors?: Cors;
  /** Serves what no endpoint does, the console for one. */
  readonly assets?: RequestHandler;
  /** Checks each reply against its schema; for development and tests. */
  readonly checkReplies: boolean;
  /** The server listens on loopback alone, so that `openOnLoopback` endpoints ask for no token. */
  readonly onLoopbackOnly: boolean;
};

type Begun = CallState & { readonly startedMs: number; error?: unknown; code?: string };

// Pages and scripts come from here alone; nothing else is loaded, framed or sent anywhere.
const securityHeaders = helmet({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'", "data:"],
      fontSrc: ["'self'"],
      connectSrc: ["'self'"],
      formAction: ["'self'"],
      baseUri: ["'none'"],
      frameAncestors: ["'none'"],
    },
  },
});

const requestIdPattern = /^[A-Za-z0-9._-]{1,64}$/;

const requestIdOf = (request: IncomingMessage, newRequestId: () => string): string => {
  const given = request.headers["x-request-id"];
  return typeof given === "string" && requestIdPattern.test(given) ? given : newRequestId();
};

/** One line for each request, written when it is over; a failure of ours is on that same line. */
const logRequest = (
  ports: HttpPorts,
  begun: Begun,
  request: IncomingMessage,
  response: ServerResponse,
): void => {
  const line = {
    requestId: begun.id,
    handler: begun.operationId,
    method: request.method,
    path: (request.url ?? "").split("?", 1)[0]?.slice(0, 512),
    status: response.statusCode,
    durationMs: Math.round((performance.now() - begun.startedMs) * 10) / 10,
    principal: begun.principal?.id,
    ...(begun.code === undefined ? {} : { code: begun.code }),
    ...(response.writableFinished ? {} : { cut: true }),
  };
  if (begun.error === undefined) ports.log.info(line, "request");
  else ports.log.error({ ...line, err: begun.error }, "request failed");
};

const sendProblem = (
  request: IncomingMessage,
  response: ServerResponse,
  error: unknown,
  id: string,
): void => {
  const { problem, headers } = problemOf(error, id);
  const body = JSON.stringify(problem);
  response.statusCode = problem.status;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.setHeader("content-type", "application/problem+json");
  response.setHeader("cache-control", "no-store");
  response.setHeader("content-length", Buffer.byteLength(body));
  response.end(request.method === "HEAD" ? undefined : body);
};

/** Express refuses what it cannot decode with a plain error that has a status. */
const fromExpress = (error: unknown): OtauError | undefined =>
  error instanceof Error && "status" in error && error.status === 400
    ? new OtauError("INVALID_INPUT", "The URL is not valid.")
    : undefined;

const routesOf = (
  endpoints: readonly LoadedEndpoint[],
): readonly (readonly [string, readonly LoadedEndpoint[]])[] => {
  const byPath = Map.groupBy(endpoints, ({ endpoint }) => expressPath(endpoint.path));
  // A fixed segment goes before a parameter in its place, else it could never be reached.
  const rank = (path: string) =>
    path
      .split("/")
      .map((part) => (part.startsWith(":") ? "~" : part))
      .join("/");
  return [...byPath].sort(([a], [b]) => (rank(a) < rank(b) ? -1 : 1));
};

const allowedOf = (endpoints: readonly LoadedEndpoint[]): readonly string[] =>
  [
    ...new Set(
      endpoints.flatMap(({ endpoint }) => (endpoint.method === "GET" ? ["GET", "HEAD"] : [endpoint.method])),
    ),
  ].sort();

const singleValues = (
  params: Readonly<Record<string, string | string[]>>,
): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(params).map(([name, value]) => [name, [value].flat().join("/")]));

/**
 * The Express app that serves a solution's endpoints. Every error it answers is a problem
 * document; nothing a caller sends, and nothing a handler throws, reaches another request.
 */
export const createHttpApp = (settings: HttpSettings, ports: HttpPorts): Express => {
  const app = express();
  app.disable("x-powered-by").disable("etag").enable("case sensitive routing").enable("strict routing");
  const begun = new WeakMap<ServerResponse, Begun>();
  const answerCors = settings.cors === undefined ? undefined : makeCors(settings.cors);

  const begin: RequestHandler = (request, response, next) => {
    const state: Begun = { id: requestIdOf(request, ports.newRequestId), startedMs: performance.now() };
    begun.set(response, state);
    response.setHeader("x-request-id", state.id);
    response.once("close", () => logRequest(ports, state, request, response));
    checkUrl(request.url);
    if (answerCors?.(request, response) !== true) next();
  };

  const stateOf = (response: ServerResponse): CallState =>
    begun.get(response) ?? { id: ports.newRequestId() };

  const run =
    (call: EndpointCall): RequestHandler =>
    async (request, response) => {
      const params = singleValues(request.params);
      const outcome = await call({ message: request, response, params, state: stateOf(response) });
      await writeOutcome(request, response, outcome);
    };

  const notAllowed =
    (allow: readonly string[]): RequestHandler =>
    (request, response) => {
      if (request.method !== "OPTIONS") {
        const detail = `${request.method} is not allowed here; ${allow.join(", ")} is.`;
        throw new OtauError("METHOD_NOT_ALLOWED", detail, { allow });
      }
      response.setHeader("allow", allow.join(", "));
      response.writeHead(204).end();
    };

  const fail: ErrorRequestHandler = (thrown: unknown, request, response, _next) => {
    const state = begun.get(response) ?? { id: ports.newRequestId(), startedMs: performance.now() };
    const error = isRefusal(thrown)
      ? thrown
      : (ports.translateError?.(thrown) ?? fromExpress(thrown) ?? thrown);
    // After the first byte, or without a caller, there is no one left to tell.
    const isLate = response.headersSent || response.destroyed;
    if (isRefusal(error)) {
      state.code = error.code;
      ports.onRefusal?.({
        requestId: state.id,
        operationId: state.operationId ?? "",
        method: request.method,
        principal: state.principal,
        remoteAddress: request.socket.remoteAddress ?? "",
        params: state.params ?? {},
        code: error.code,
        detail: error.message,
      });
    } else if (!response.destroyed) {
      state.error = error;
      state.code = "INTERNAL";
    }
    if (isLate) response.destroy();
    else sendProblem(request, response, error, state.id);
  };

  app.use(securityHeaders, begin);
  for (const [path, endpoints] of routesOf(settings.endpoints)) {
    const route = app.route(path);
    for (const loaded of endpoints) {
      const method = loaded.endpoint.method.toLowerCase() as "get" | "put" | "post" | "patch" | "delete";
      route[method](run(makeEndpointCall(loaded, ports, settings)));
    }
    route.all(notAllowed(allowedOf(endpoints)));
  }
  if (settings.assets !== undefined) app.use(settings.assets);
  app.use((request) => {
    throw new OtauError("NOT_FOUND", `There is nothing at ${request.path.slice(0, 256)}.`);
  });
  app.use(fail);
  return app;
};
