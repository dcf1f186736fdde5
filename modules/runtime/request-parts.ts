import type { IncomingHttpHeaders } from "node:http";
import { z } from "zod";
import { OtauError } from "../errors.ts";
import type { Precondition } from "./define.ts";
import { fallenFields, invalidBySchema } from "./faults.ts";
import { HttpRefusal, invalidInput } from "./problem.ts";

/** Longest path and query, as sent. Tags of 8 KiB in a query may be 24 KiB when percent-encoded. */
export const urlMaxLength = 32 * 1024;

const nul = "\u0000";
const parameterMax = 1000;

const decoded = (text: string, name: string): string => {
  try {
    const value = decodeURIComponent(text);
    if (!value.includes(nul)) return value;
  } catch {
    throw invalidInput(name, "is not valid percent-encoding");
  }
  throw invalidInput(name, "holds a NUL character");
};

/** Refuses a URL that is too long (414) or whose path is not valid percent-encoding (400). */
export const checkUrl = (url: string): void => {
  if (url.length > urlMaxLength) {
    throw new HttpRefusal(414, "TOO_LARGE", `The URL is longer than the ${urlMaxLength} characters allowed.`);
  }
  if (!url.includes("%")) return;
  const end = url.indexOf("?");
  decoded(end === -1 ? url : url.slice(0, end), "The path");
};

/** The pairs of a query, decoded once; `+` is a space, as forms write it. */
const queryPairs = (url: string): readonly (readonly [string, string])[] => {
  const start = url.indexOf("?");
  if (start === -1 || start === url.length - 1) return [];
  const parts = url.slice(start + 1).split("&", parameterMax + 1);
  if (parts.length > parameterMax) throw invalidInput("query", `holds more than ${parameterMax} parameters`);
  return parts
    .filter((part) => part !== "")
    .map((part) => {
      const at = part.indexOf("=");
      const name = decoded((at === -1 ? part : part.slice(0, at)).replaceAll("+", " "), "query");
      const value = at === -1 ? "" : part.slice(at + 1).replaceAll("+", " ");
      return [name, decoded(value, name.slice(0, 128))] as const;
    });
};

type Wrapping = {
  readonly innerType?: z.core.$ZodType;
  readonly in?: z.core.$ZodType;
  readonly type: string;
};

/** Whether a query field takes a list, however it is wrapped (optional, default, pipe). */
export const takesMany = (schema: z.core.$ZodType): boolean => {
  const def: Wrapping = schema._zod.def;
  if (def.type === "array" || def.type === "tuple") return true;
  const inner = def.innerType ?? def.in;
  return inner !== undefined && takesMany(inner);
};

/** Reads the query of one endpoint; made once, as finding the list fields walks the schema. */
export type QueryReader = (url: string) => unknown;

const withoutQuery: QueryReader = (url) => {
  const unknown = queryPairs(url)[0];
  if (unknown === undefined) return {};
  throw invalidInput(unknown[0].slice(0, 128), "is not a known parameter");
};

/** Makes the reader for a query schema: arrays where the schema takes them, each other name once. */
export const makeQueryReader = (schema: z.ZodObject | undefined): QueryReader => {
  if (schema === undefined) return withoutQuery;
  const many = new Set(
    Object.entries(schema.shape).flatMap(([name, field]) => (takesMany(field) ? [name] : [])),
  );
  const { catchall } = schema._zod.def;
  const otherMany = catchall !== undefined && takesMany(catchall);
  const isMany = (name: string) => many.has(name) || (otherMany && !Object.hasOwn(schema.shape, name));
  return (url) => {
    const raw = new Map<string, string | string[]>();
    for (const [name, value] of queryPairs(url)) {
      // Objects with other keys let this one fall silently.
      if (name === "__proto__") throw invalidInput(name, "is not a known parameter");
      const before = raw.get(name);
      if (Array.isArray(before)) before.push(value);
      else if (before === undefined) raw.set(name, isMany(name) ? [value] : value);
      else throw invalidInput(name.slice(0, 128), "may be given only once");
    }
    const parsed = schema.safeParse(Object.fromEntries(raw));
    if (parsed.success) return parsed.data;
    throw invalidBySchema("query", parsed.error);
  };
};

/** Path parameters by their schema. Express has decoded them once already. */
export const readParams = (schema: z.ZodObject | undefined, raw: unknown): unknown => {
  if (schema === undefined) return {};
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  throw invalidBySchema("params", parsed.error);
};

/** The body's value by its schema. Without a schema nothing, or an empty object, may be sent. */
export const readBody = (schema: z.ZodType | undefined, value: unknown): unknown => {
  const parsed = (schema ?? noBody).safeParse(value);
  if (parsed.success) {
    const [fallen] = fallenFields(value, parsed.data);
    if (fallen !== undefined) throw invalidInput(fallen, "is not a known field");
    return parsed.data;
  }
  if (value === undefined) throw invalidInput("", "is missing; send JSON");
  throw invalidBySchema("body", parsed.error);
};

const noBody = z
  .strictObject({})
  .optional()
  .transform(() => undefined);

/** The token of `Authorization: Bearer <token>`; undefined without one or with another scheme. */
export const bearerToken = (headers: IncomingHttpHeaders): string | undefined =>
  /^bearer +([\x21-\x7e]{1,1024})$/i.exec(headers.authorization?.trim() ?? "")?.[1];

const revisionTag = /^"(\d{1,15})"$/;

const ifMatchOf = (header: string | undefined): Precondition => {
  const tag = header?.trim();
  if (tag === undefined) return {};
  if (tag === "*") return { ifExists: true };
  if (/^(?:W\/)?"[^"]*"\s*,/.test(tag)) throw invalidInput("If-Match", "takes one revision here, not a list");
  const revision = revisionTag.exec(tag)?.[1];
  if (revision !== undefined) return { ifMatch: Number(revision) };
  // A well-formed tag that is none of ours is simply never the present one.
  if (/^(?:W\/)?"[^"]*"$/.test(tag)) return { ifMatch: -1 };
  throw invalidInput("If-Match", 'must be * or a quoted revision such as "5"');
};

/** What `If-Match` and `If-None-Match` of a write ask for. */
export const preconditionOf = (headers: IncomingHttpHeaders): Precondition => {
  const noneMatch = headers["if-none-match"]?.trim();
  if (noneMatch !== undefined && noneMatch !== "*") {
    throw invalidInput("If-None-Match", "takes only * with a write");
  }
  const precondition = ifMatchOf(headers["if-match"]);
  if (noneMatch === undefined) return precondition;
  if (headers["if-match"] !== undefined) throw invalidInput("If-None-Match", "cannot go with If-Match");
  return { ifNoneMatch: true };
};

/** Whether a read's `If-None-Match` names the revision the caller would get. */
export const isUnchanged = (headers: IncomingHttpHeaders, revision: number): boolean => {
  const tags = headers["if-none-match"];
  if (tags === undefined) return false;
  return tags
    .split(",")
    .some((tag) => tag.trim() === "*" || tag.trim().replace(/^W\//, "") === `"${revision}"`);
};

/** The `Idempotency-Key` of a POST: 1-128 visible ASCII characters, undefined without one. */
export const idempotencyKeyOf = (headers: IncomingHttpHeaders): string | undefined => {
  const key = headers["idempotency-key"];
  if (key === undefined) return undefined;
  if (typeof key === "string" && /^[\x21-\x7e]{1,128}$/.test(key)) return key;
  throw new OtauError("INVALID_INPUT", "Idempotency-Key must be 1 to 128 visible ASCII characters.", {
    errors: [{ path: "Idempotency-Key", message: "must be 1 to 128 visible ASCII characters" }],
  });
};
