import { createHash } from "node:crypto";
import { z } from "zod";
import { OtauError } from "../errors.ts";
import { queryInteger } from "./query.ts";

const limitDefault = 50;
const limitMax = 500;

/** The query of a list: the given filters, `limit` (1-500, default 50) and `cursor`. */
export const listQuery = <Shape extends z.ZodRawShape>(filters: Shape) =>
  z.strictObject({
    ...filters,
    limit: queryInteger(1, limitMax)
      .default(limitDefault)
      .meta({
        description: "How many items a page holds",
        override: { type: "integer", minimum: 1, maximum: limitMax, default: limitDefault },
      }),
    cursor: z
      .string()
      .min(1)
      .max(4096)
      .optional()
      .meta({ description: "`next` of the page before, with the same filters" }),
  });

/** The reply of a list. */
export const listReply = <Item extends z.ZodType>(item: Item) =>
  z.strictObject({
    items: z.array(item),
    next: z.string().nullable().meta({ description: "The cursor of the next page, null at the end" }),
  });

const sorted = (_key: string, value: unknown): unknown =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value;

// `limit` may change between pages; everything else that selects or orders may not.
const filtersDigest = (filters: Readonly<Record<string, unknown>>): string => {
  const { limit: _limit, cursor: _cursor, ...bound } = filters;
  return createHash("sha256").update(JSON.stringify(bound, sorted)).digest("base64url").slice(0, 16);
};

/**
 * An opaque cursor for the page after `position` (any JSON value), bound to the filters:
 * pass the parsed query plus whatever of the path selects the list.
 */
export const encodeCursor = (position: unknown, filters: Readonly<Record<string, unknown>>): string =>
  Buffer.from(JSON.stringify([filtersDigest(filters), position])).toString("base64url");

const cursorShape = z.tuple([z.string(), z.unknown()]);

const readJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/**
 * The position in a cursor, `undefined` without a cursor. A cursor that was made for other
 * filters, was cut or was made up is refused with CURSOR_INVALID.
 */
export const decodeCursor = <Position extends z.ZodType>(
  cursor: string | undefined,
  filters: Readonly<Record<string, unknown>>,
  position: Position,
): z.output<Position> | undefined => {
  if (cursor === undefined) return undefined;
  const decoded = cursorShape.safeParse(readJson(Buffer.from(cursor, "base64url").toString("utf8")));
  if (decoded.success && decoded.data[0] === filtersDigest(filters)) {
    const parsed = position.safeParse(decoded.data[1]);
    if (parsed.success) return parsed.data;
  }
  throw new OtauError(
    "CURSOR_INVALID",
    "The cursor does not belong to this list with these filters. Start again without a cursor.",
    { errors: [{ path: "cursor", message: "is not a cursor of this list with these filters" }] },
  );
};
