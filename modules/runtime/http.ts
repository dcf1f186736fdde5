import express, { type Express, type RequestHandler } from "express";
import helmet from "helmet";
import { OtauError } from "../errors.ts";
import { type EndpointCall, type HttpPorts, makeEndpointCall } from "./call.ts";
import { makeCors } from "./cors.ts";
import { expressPath } from "./endpoint-rules.ts";
import type { LoadedEndpoint } from "./load.ts";
import type { Cors } from "./manifest.ts";
import { writeOutcome } from "./outcome.ts";
import { makeRequestFrame } from "./request-frame.ts";
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

const nothingHere: RequestHandler = (request) => {
  throw new OtauError("NOT_FOUND", `There is nothing at ${request.path.slice(0, 256)}.`);
};

/**
 * The Express app that serves a solution's endpoints. Every error it answers is a problem
 * document; nothing a caller sends, and nothing a handler throws, reaches another request.
 */
export const createHttpApp = (settings: HttpSettings, ports: HttpPorts): Express => {
  const app = express();
  app.disable("x-powered-by").disable("etag").enable("case sensitive routing").enable("strict routing");
  const { begin, stateOf, fail } = makeRequestFrame(ports);
  const answerCors = settings.cors === undefined ? undefined : makeCors(settings.cors);

  const admit: RequestHandler = (request, response, next) => {
    checkUrl(request.url);
    if (answerCors?.(request, response) !== true) next();
  };

  const run =
    (call: EndpointCall): RequestHandler =>
    async (request, response) => {
      const params = singleValues(request.params);
      const outcome = await call({ message: request, response, params, state: stateOf(response) });
      await writeOutcome(request, response, outcome);
    };

  app.use(begin, securityHeaders, admit);
  for (const [path, endpoints] of routesOf(settings.endpoints)) {
    const route = app.route(path);
    for (const loaded of endpoints) {
      const method = loaded.endpoint.method.toLowerCase() as "get" | "put" | "post" | "patch" | "delete";
      route[method](run(makeEndpointCall(loaded, ports, settings)));
    }
    route.all(notAllowed(allowedOf(endpoints)));
  }
  if (settings.assets !== undefined) app.use(settings.assets);
  app.use(nothingHere);
  app.use(fail);
  return app;
};
