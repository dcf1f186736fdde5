import type { IncomingMessage, ServerResponse } from "node:http";
import type { Cors } from "./manifest.ts";

const toPattern = (origin: string): RegExp =>
  new RegExp(`^${origin.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", "[^/]*")}$`);

/**
 * Makes the function that answers other origins' pages as the manifest allows.
 * It returns true if the request was a preflight and is answered.
 */
export const makeCors = (cors: Cors): ((request: IncomingMessage, response: ServerResponse) => boolean) => {
  const patterns = cors.origin.map(toPattern);
  return (request, response) => {
    const { origin } = request.headers;
    if (origin === undefined || patterns.length === 0) return false;
    response.setHeader("vary", "Origin");
    if (!patterns.some((pattern) => pattern.test(origin))) return false;
    response.setHeader("access-control-allow-origin", origin);
    if (cors.credentials) response.setHeader("access-control-allow-credentials", "true");
    response.setHeader("access-control-expose-headers", cors.expose_headers.join(", "));
    if (request.method !== "OPTIONS" || request.headers["access-control-request-method"] === undefined)
      return false;
    response.setHeader("access-control-allow-methods", cors.methods.join(", "));
    response.setHeader("access-control-allow-headers", cors.headers.join(", "));
    response.setHeader("access-control-max-age", "600");
    response.statusCode = 204;
    response.end();
    return true;
  };
};
