import type { ServerResponse } from "node:http";
import type { Readable } from "node:stream";

const mark = Symbol.for("solution.runtime.reply");

/** Header values as Node takes them; names in any case. */
export type ReplyHeaders = Readonly<Record<string, string | readonly string[]>>;

/** What a handler may set beside the body. */
export type ReplyOptions = {
  readonly status?: number;
  readonly headers?: ReplyHeaders;
  /** Sent as `ETag: "<revision>"`. */
  readonly revision?: number;
};

/** Writes to the raw response once status and headers are out; it must end the response itself. */
export type TakeOver = (response: ServerResponse) => Promise<void> | void;

/**
 * A reply made by one of the functions below. It is marked, so that a plain body
 * with a field named `status` or `body` is never mistaken for one.
 */
export type Reply<Body> = {
  readonly [mark]: true;
  readonly status: number | undefined;
  readonly headers: ReplyHeaders;
  readonly revision: number | undefined;
  readonly body?: Body | undefined;
  readonly stream?: Readable;
  readonly takeOver?: TakeOver;
  readonly jsonText?: string;
};

const make = <Body>(
  options: ReplyOptions,
  content: Pick<Reply<Body>, "body" | "stream" | "takeOver" | "jsonText">,
): Reply<Body> => ({
  [mark]: true,
  status: options.status,
  headers: options.headers ?? {},
  revision: options.revision,
  ...content,
});

/** A body with a status, headers or a revision of its own. */
export const respond = <const Body>(body: Body, options: ReplyOptions = {}): Reply<Body> =>
  make(options, { body });

/** A single resource: the body with its `ETag`. */
export const revised = <const Body>(body: Body, revision: number): Reply<Body> =>
  make({ revision }, { body });

/** A single resource whose `ETag` serves preconditions alone: parts of it change without its revision. */
export const tagged = <const Body>(body: Body, revision: number, options: ReplyOptions = {}): Reply<Body> =>
  make({ ...options, headers: { ...options.headers, etag: `"${revision}"` } }, { body });

/** A JSON body that is text already, so that what was stored as JSON need not be parsed to be sent. */
export const respondJsonText = (jsonText: string, options: ReplyOptions = {}): Reply<never> =>
  make<never>(options, { jsonText });

/** 201 with `Location`. */
export const created = <const Body>(
  location: string,
  body: Body,
  options: Omit<ReplyOptions, "status"> = {},
): Reply<Body> => make({ ...options, status: 201, headers: { ...options.headers, location } }, { body });

/** 202 with `Location`. */
export const accepted = <const Body>(
  location: string,
  body: Body,
  options: Omit<ReplyOptions, "status"> = {},
): Reply<Body> => make({ ...options, status: 202, headers: { ...options.headers, location } }, { body });

/** 204, nothing more. */
export const noContent = (options: Omit<ReplyOptions, "status"> = {}): Reply<never> =>
  make<never>({ ...options, status: 204 }, {});

/** Bytes from a stream; set `content-type` and, if known, `content-length` in the headers. */
export const streamed = (stream: Readable, options: ReplyOptions = {}): Reply<never> =>
  make<never>(options, { stream });

/** A reply the handler writes by itself, server-sent events for one. */
export const takenOver = (takeOver: TakeOver, options: ReplyOptions = {}): Reply<never> =>
  make<never>(options, { takeOver });

/** Whether a handler returned a marked reply rather than a plain body. */
export const isReply = (value: unknown): value is Reply<unknown> =>
  typeof value === "object" && value !== null && mark in value;
