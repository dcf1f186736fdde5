import { errorCatalogue } from "../errors.ts";
import type { AnyEndpoint } from "./define.ts";
import { repliesOf } from "./define.ts";

const methods = new Set(["GET", "PUT", "POST", "PATCH", "DELETE"]);
const segment = /^(?:[A-Za-z0-9._~:-]+|\{[A-Za-z][A-Za-z0-9]*\})$/;

/** The names of a path's parameters, in order. */
export const pathParameters = (path: string): readonly string[] =>
  [...path.matchAll(/\{([^}]*)\}/g)].map((match) => match[1] ?? "");

/** A path with its parameter names taken out: two of the same shape are the same route. */
export const pathShape = (path: string): string => path.replaceAll(/\{[^}]*\}/g, "{}");

/** `/a/{name}` as Express writes it, `/a/:name`; what Express would read as syntax is escaped. */
export const expressPath = (path: string): string =>
  path.replaceAll(/[:*?+()[\]!\\]/g, "\\$&").replaceAll(/\{([^}]*)\}/g, ":$1");

const isPath = (path: unknown): path is string =>
  typeof path === "string" &&
  (path === "/" ||
    (path.startsWith("/") &&
      path
        .slice(1)
        .split("/")
        .every((part) => segment.test(part))));

const pathFault = ({ path, params }: AnyEndpoint): string | undefined => {
  if (!isPath(path))
    return `the path "${String(path)}" is not one: it starts with / and names parameters as {name}`;
  const named = pathParameters(path);
  if (new Set(named).size < named.length) return `the path ${path} names a parameter twice`;
  const declared = Object.keys(params?.shape ?? {});
  const missing = named.find((name) => !declared.includes(name));
  if (missing !== undefined) return `the path parameter {${missing}} has no schema in params`;
  const surplus = declared.find((name) => !named.includes(name));
  return surplus === undefined ? undefined : `params has "${surplus}", which is not in the path ${path}`;
};

const securityFault = ({ path, security }: AnyEndpoint): string | undefined => {
  // Files are loaded at run time: what the types promise is looked at once more.
  const { role, scope }: { role?: unknown; scope?: unknown } = security ?? {};
  if (typeof role !== "string" || role === "") return "security names no role; say who may call";
  if (scope !== "product" && scope !== "root") return 'security names no scope; say "product" or "root"';
  const isProduct = pathParameters(path).includes("productId");
  if (isProduct && scope !== "product")
    return `the path ${path} has {productId}, so the scope must be "product"`;
  if (!isProduct && scope === "product")
    return `the scope is "product", but the path ${path} has no {productId}`;
  return undefined;
};

const isOpen = (schema: AnyEndpoint["body"]): boolean => {
  const def: { type: string; catchall?: unknown } | undefined = schema?._zod.def;
  return def?.type === "object" && def.catchall === undefined;
};

const schemaFault = ({ params, query, body }: AnyEndpoint): string | undefined => {
  const open = Object.entries({ params, query, body }).find(([, schema]) => isOpen(schema))?.[0];
  return open === undefined
    ? undefined
    : `${open} is a plain z.object, which drops unknown fields; use z.strictObject or z.looseObject`;
};

const bodyFault = ({ method, body, bodyKind, idempotency }: AnyEndpoint): string | undefined => {
  if (bodyKind === "stream" && body !== undefined) return "a stream body has no schema";
  if (bodyKind === "stream" && method === "POST" && idempotency !== "own") {
    return 'a POST with a stream body must keep its own answers: idempotency: "own"';
  }
  if (idempotency !== undefined && method !== "POST") return "idempotency is a matter of POST alone";
  return undefined;
};

const replyFault = ({ reply, errors }: AnyEndpoint): string | undefined => {
  if (reply === undefined || repliesOf(reply).length === 0) return "declares no reply";
  const statuses = repliesOf(reply).map(({ status }) => status);
  if (new Set(statuses).size < statuses.length) return "declares one status twice";
  const unknown = errors?.find((code) => !Object.hasOwn(errorCatalogue, code));
  if (errors === undefined) return "has no list of errors; an empty one will do";
  return unknown === undefined ? undefined : `the error ${unknown} is not in the catalogue`;
};

/** Why an endpoint cannot be served, undefined if it can. */
export const faultOfEndpoint = (endpoint: AnyEndpoint): string | undefined => {
  if (typeof endpoint.handle !== "function") return "has no handle function";
  if (!methods.has(endpoint.method))
    return `the method ${endpoint.method} is not one of ${[...methods].join(", ")}`;
  return (
    pathFault(endpoint) ??
    securityFault(endpoint) ??
    schemaFault(endpoint) ??
    bodyFault(endpoint) ??
    replyFault(endpoint)
  );
};
