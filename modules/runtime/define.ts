import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import type { z } from "zod";
import type { ErrorCode } from "../errors.ts";
import type { Reply } from "./reply.ts";

const endpointMark = Symbol.for("solution.runtime.endpoint");
const handlerMark = Symbol.for("solution.runtime.eventHandler");
const initMark = Symbol.for("solution.runtime.initScript");

export type Method = "GET" | "PUT" | "POST" | "PATCH" | "DELETE";

/** Who is calling. `products` is `"*"` or the ids this token may see. */
export type Principal<Role extends string = string> = {
  /** The token's id, never the token. */
  readonly id: string;
  readonly role: Role;
  readonly products: "*" | readonly string[];
};

/** Who may call. `product` scope goes with a `{productId}` in the path, `root` without one. */
export type Security<Role extends string = string> =
  | {
      readonly role: Role;
      readonly scope: "product" | "root";
      /** No token is asked while the server listens on loopback only; `principal` is then undefined. */
      readonly openOnLoopback?: boolean;
    }
  | { readonly role: "none"; readonly scope: "root" };

/**
 * `json`: one JSON value. `ndjson`: a JSON array, or one value a line
 * (`application/x-ndjson`), both given as the array. `stream`: the bytes as they come.
 */
export type BodyKind = "json" | "ndjson" | "stream";

/** One possible reply. Without `schema`: no body, or text or bytes if a `contentType` is named. */
export type ReplySpec = {
  readonly status: number;
  readonly schema?: z.ZodType;
  readonly description?: string;
  /** Other than JSON: the body is a string or bytes and sent as it is. */
  readonly contentType?: string;
};

/** What `If-Match` and `If-None-Match: *` asked for; check it in the commit itself. */
export type Precondition = {
  /** The revision the caller saw; -1 for a tag that can never be one of ours. */
  readonly ifMatch?: number;
  /** `If-Match: *`: the resource must exist. */
  readonly ifExists?: true;
  /** `If-None-Match: *`: the resource must not exist. */
  readonly ifNoneMatch?: true;
};

/** The request behind the input, for what the schemas do not cover. */
export type RequestInfo = {
  readonly id: string;
  readonly method: string;
  /** The path as declared, `{productId}` and all. */
  readonly route: string;
  /** Path and query as sent. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly remoteAddress: string;
  /** Aborted when the caller goes away. */
  readonly signal: AbortSignal;
};

/** What an endpoint with `idempotency: "own"` needs to keep its answer by itself. */
export type IdempotencyRequest = {
  readonly key: string;
  /** Token, operation and concrete path: one key means different things in different scopes. */
  readonly scope: string;
  /** SHA-256 of query and body, hex. */
  readonly digest: string;
};

type PrincipalOf<S, Role extends string> = S extends { readonly role: "none" }
  ? undefined
  : S extends { readonly openOnLoopback: true }
    ? Principal<Role> | undefined
    : Principal<Role>;

type BodyOf<Schema extends z.ZodType, Kind extends BodyKind> = Kind extends "stream"
  ? Readable
  : z.output<Schema>;

/** What `handle` is given: everything parsed and typed by the schemas beside it. */
export type EndpointInput<
  S,
  Role extends string,
  Params extends z.ZodObject,
  Query extends z.ZodObject,
  Body extends z.ZodType,
  Kind extends BodyKind,
> = {
  readonly params: z.output<Params>;
  readonly query: z.output<Query>;
  readonly body: BodyOf<Body, Kind>;
  /** The body's exact text (`json`, `ndjson`); empty without one. */
  readonly text: string;
  /** The media type of the body in lower case, without parameters. */
  readonly contentType: string | undefined;
  readonly principal: PrincipalOf<S, Role>;
  readonly precondition: Precondition;
  /** Only with `idempotency: "own"`, and only if the caller sent a key. */
  readonly idempotency: IdempotencyRequest | undefined;
  readonly request: RequestInfo;
};

// A handler may hand out what it holds read-only; nothing is changed on the way out.
type DeepReadonly<T> = T extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;

type OneReplyBody<R> = R extends { readonly schema: infer Schema extends z.ZodType }
  ? DeepReadonly<z.input<Schema>>
  : R extends { readonly contentType: string }
    ? string | Uint8Array
    : undefined;

/** The type of the body of the declared reply, or of any of the declared replies. */
export type ReplyBody<R> = R extends readonly (infer One)[] ? OneReplyBody<One> : OneReplyBody<R>;

type Returned<R> = ReplyBody<R> | Reply<ReplyBody<R>>;

/** One HTTP endpoint. All generics stay on the value, so that a client's types can be taken from it. */
export type Endpoint<
  Helpers,
  Role extends string,
  M extends Method,
  Path extends string,
  S extends Security<Role>,
  Params extends z.ZodObject,
  Query extends z.ZodObject,
  Body extends z.ZodType,
  Kind extends BodyKind,
  R extends ReplySpec | readonly ReplySpec[],
> = {
  readonly method: M;
  /** The whole path, parameters as `{name}`. */
  readonly path: Path;
  readonly summary: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly security: S;
  /** Calls a minute for each token (without one: for each address). */
  readonly rateLimit?: number;
  readonly params?: Params;
  /** A strict object; an array field takes a repeated parameter. */
  readonly query?: Query;
  readonly body?: Body;
  readonly bodyKind?: Kind;
  /** Default 1 MiB; beyond it 413. */
  readonly bodyLimitBytes?: number;
  /** `own`: the endpoint keeps its answers itself and reads `input.idempotency`. */
  readonly idempotency?: "own";
  readonly reply: R;
  /** Codes beyond the ones the runtime itself may answer. */
  readonly errors: readonly ErrorCode[];
  readonly handle: (
    input: EndpointInput<S, Role, Params, Query, Body, Kind>,
    helpers: Helpers,
  ) => Promise<Returned<R>> | Returned<R>;
};

/** Any endpoint, its types forgotten: what loader, HTTP and OpenAPI work with. */
export type AnyEndpoint = Omit<
  Endpoint<
    never,
    string,
    Method,
    string,
    Security,
    z.ZodObject,
    z.ZodObject,
    z.ZodType,
    BodyKind,
    ReplySpec | readonly ReplySpec[]
  >,
  "handle"
> & { readonly handle: (input: never, helpers: never) => unknown };

/** A handler of one service event; `payload` is its schema. */
export type EventHandler<Helpers, Payload extends z.ZodType, Result> = {
  readonly payload: Payload;
  readonly handle: (payload: z.output<Payload>, helpers: Helpers) => Promise<Result> | Result;
};

/** Any event handler, its types forgotten. */
export type AnyEventHandler = {
  readonly payload: z.ZodType;
  readonly handle: (payload: never, helpers: never) => unknown;
};

/** The script run once at the end of the first setup. */
export type InitScript<Helpers> = { readonly run: (helpers: Helpers) => Promise<void> | void };

/** Any init script, its types forgotten. */
export type AnyInitScript = { readonly run: (helpers: never) => unknown };

type NoFields = z.ZodObject<Record<never, never>>;

const marked = <T extends object>(mark: symbol, value: T): T =>
  Object.defineProperty({ ...value }, mark, { value: true });

const has = (mark: symbol, value: unknown): boolean =>
  typeof value === "object" && value !== null && mark in value;

/** Whether a file's default export was made by `endpoint()`. */
export const isEndpoint = (value: unknown): value is AnyEndpoint => has(endpointMark, value);

/** Whether a file's default export was made by `eventHandler()`. */
export const isEventHandler = (value: unknown): value is AnyEventHandler => has(handlerMark, value);

/** Whether a file's default export was made by `initScript()`. */
export const isInitScript = (value: unknown): value is AnyInitScript => has(initMark, value);

/** The declared replies as a list, the default first. */
export const repliesOf = (reply: ReplySpec | readonly ReplySpec[]): readonly ReplySpec[] =>
  "status" in reply ? [reply] : reply;

/**
 * Makes the functions a solution's files call. `Helpers` is what its handlers get beside
 * their input, `Role` its closed list of roles; the runtime itself knows neither.
 */
export const createDefiners = <Helpers, Role extends string>() => ({
  endpoint: <
    const M extends Method,
    const Path extends string,
    const S extends Security<Role>,
    const R extends ReplySpec | readonly ReplySpec[],
    Params extends z.ZodObject = NoFields,
    Query extends z.ZodObject = NoFields,
    Body extends z.ZodType = z.ZodUndefined,
    const Kind extends BodyKind = "json",
    // A parameter of its own: only so do literals in a returned body keep their types.
    const Out extends Returned<R> = Returned<R>,
  >(
    spec: Omit<Endpoint<Helpers, Role, M, Path, S, Params, Query, Body, Kind, R>, "handle"> & {
      readonly handle: (
        input: EndpointInput<S, Role, Params, Query, Body, Kind>,
        helpers: Helpers,
      ) => Promise<Out> | Out;
    },
  ): Endpoint<Helpers, Role, M, Path, S, Params, Query, Body, Kind, R> => marked(endpointMark, spec),

  eventHandler: <Payload extends z.ZodType, Result>(
    spec: EventHandler<Helpers, Payload, Result>,
  ): EventHandler<Helpers, Payload, Result> => marked(handlerMark, spec),

  initScript: (run: InitScript<Helpers>["run"]): InitScript<Helpers> => marked(initMark, { run }),
});
