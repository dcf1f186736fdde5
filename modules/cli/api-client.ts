import { CliError, usageError } from "./cli-error.ts";
import type { Connection } from "./connection.ts";
import { failureOf } from "./problems.ts";

/** A query parameter; an array is sent repeated, `undefined` is left out. */
export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** One request beyond its path. `body` is sent as JSON, `bytes` as they are. */
export type RequestExtras = {
  readonly query?: Query;
  readonly body?: unknown;
  readonly bytes?: Blob | FormData;
  readonly contentType?: string;
  readonly idempotencyKey?: string | undefined;
};

/** A page of a list as the server sends it; `next` is null at its end. */
export type Page<Item> = { readonly items: readonly Item[]; readonly next: string | null };

/** The server's routes, typed by the caller; every refusal arrives as a CliError. */
export type ApiClient = {
  /** `/api/v1/products/{productId}` followed by the segments, each percent-encoded as one. */
  readonly productPath: (...segments: readonly string[]) => string;
  readonly get: <Reply>(path: string, query?: Query) => Promise<Reply>;
  readonly send: <Reply>(method: Method, path: string, extras?: RequestExtras) => Promise<Reply>;
  /** The whole answer, for bytes. */
  readonly open: (path: string) => Promise<Response>;
  /** Follows cursors until `limit` items are there; `next` is not null when more exist. */
  readonly list: <Item>(path: string, query: Query, limit: number) => Promise<Page<Item>>;
};

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

const pageSizeMax = 500;

/** The client all commands share. `signal` ends a running request. */
export function makeApiClient(connection: Connection, signal: AbortSignal): ApiClient {
  const request = (method: Method, path: string, extras: RequestExtras = {}): Promise<Response> =>
    requestOf(connection, signal, method, path, extras);
  const send = async <Reply>(method: Method, path: string, extras?: RequestExtras): Promise<Reply> =>
    readReply<Reply>(await request(method, path, extras), connection.url);
  const get = <Reply>(path: string, query: Query = {}): Promise<Reply> => send<Reply>("GET", path, { query });
  return {
    productPath: (...segments) => apiPath("products", connection.productId, ...segments),
    get,
    send,
    open: (path) => request("GET", path),
    list: (path, query, limit) => readPages(get, path, query, limit),
  };
}

/** A path below `/api/v1`; a slash within a segment becomes `%2F`. */
export function apiPath(...segments: readonly string[]): string {
  return `/api/v1/${segments.map(encodeSegment).join("/")}`;
}

function encodeSegment(segment: string): string {
  // No id is empty, "." or "..", and an address would be rewritten to another route.
  if (/^\.{0,2}$/.test(segment)) throw usageError(`"${segment}" is no id`);
  return encodeURIComponent(segment);
}

async function requestOf(
  { url, token }: Connection,
  signal: AbortSignal,
  method: Method,
  path: string,
  { query = {}, body, bytes, contentType, idempotencyKey }: RequestExtras,
): Promise<Response> {
  const headers = new Headers({ accept: "application/json, application/problem+json, */*" });
  if (token !== undefined) headers.set("authorization", bearer(token));
  if (idempotencyKey !== undefined) headers.set("idempotency-key", idempotencyKey);
  if (body !== undefined) headers.set("content-type", "application/json");
  if (contentType !== undefined) headers.set("content-type", contentType);
  const content = bytes ?? (body === undefined ? undefined : JSON.stringify(body));
  const response = await reach(url, () =>
    fetch(`${url}${path}${queryText(query)}`, {
      method,
      headers,
      signal,
      redirect: "error",
      ...(content === undefined ? {} : { body: content }),
    }),
  );
  if (!response.ok) throw await failureOf(response, path, url);
  return response;
}

function bearer(token: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return `Bearer ${token}`;
  throw usageError("The token holds blanks or characters that no token has", "Check OTAU_TOKEN.");
}

function queryText(query: Query): string {
  const parameters = Object.entries(query).flatMap(([name, value]) => {
    if (value === undefined) return [];
    const values = Array.isArray(value) ? value : [value];
    return values.map((one) => `${encodeURIComponent(name)}=${encodeURIComponent(String(one))}`);
  });
  return parameters.length === 0 ? "" : `?${parameters.join("&")}`;
}

/** Turns a failed connection into a sentence; a stop by the user stays what it is. */
async function reach<Result>(serverUrl: string, attempt: () => Promise<Result>): Promise<Result> {
  try {
    return await attempt();
  } catch (error) {
    if (error instanceof Error && error.name === "AbortError") throw error;
    throw unreachable(serverUrl, error);
  }
}

function unreachable(serverUrl: string, error: unknown): CliError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "";
  if (code === "ECONNREFUSED") {
    return new CliError(`no server at ${serverUrl}; start one with npm start or set OTAU_URL`, { cause });
  }
  const why = cause instanceof Error && cause.message !== "" ? cause.message : code || "no answer";
  return new CliError(`no answer from ${serverUrl}: ${why}`, {
    cause,
    hint: "Check OTAU_URL and the network.",
  });
}

async function readReply<Reply>(response: Response, serverUrl: string): Promise<Reply> {
  const text = await reach(serverUrl, () => response.text());
  try {
    // The shape is the server's promise; a version that breaks it shows in the columns, not here.
    return (text === "" ? undefined : JSON.parse(text)) as Reply;
  } catch (cause) {
    throw new CliError(`${serverUrl} answered something that is not JSON`, {
      cause,
      hint: "Check that OTAU_URL names the app API of an otau server.",
    });
  }
}

async function readPages<Item>(
  get: ApiClient["get"],
  path: string,
  query: Query,
  limit: number,
): Promise<Page<Item>> {
  const items: Item[] = [];
  let next: string | null = null;
  do {
    const pageSize = Math.min(pageSizeMax, limit - items.length);
    const page: Page<Item> = await get<Page<Item>>(path, {
      ...query,
      limit: pageSize,
      ...(next === null ? {} : { cursor: next }),
    });
    if (!Array.isArray(page?.items)) {
      throw new CliError(`the answer to ${path} is not a list`, { hint: "Check OTAU_URL." });
    }
    items.push(...page.items);
    next = page.next ?? null;
  } while (next !== null && items.length < limit);
  return { items, next };
}
