import { z } from "zod";

// Query values are text. These builders say what the text must look like, give the typed value,
// and show the plain type in the OpenAPI document.

/** A whole number in decimal digits, from `min` to `max`. */
export const queryInteger = (min: number, max: number) =>
  z
    .string()
    .regex(/^-?\d{1,15}$/, "must be a whole number")
    .transform(Number)
    .pipe(z.number().int().min(min).max(max))
    .meta({ override: { type: "integer", minimum: min, maximum: max } });

/** `true` or `false`. */
export const queryBoolean = () =>
  z
    .enum(["true", "false"])
    .transform((text) => text === "true")
    .meta({ override: { type: "boolean" } });

/** Values of a repeatable filter; any of them may match. At most 100. */
export const queryMany = <Item extends z.ZodType>(item: Item) => z.array(item).min(1).max(100).optional();

/**
 * Admits parameters named `<prefix><name>` beside the declared ones, repeatable, as arrays under
 * their full name: `tag.site=berlin&tag.site=paris` gives `{ "tag.site": ["berlin", "paris"] }`.
 */
export const withPrefixed = <Shape extends z.ZodRawShape>(
  query: z.ZodObject<Shape>,
  prefix: string,
  name: z.ZodString,
) =>
  query
    .catchall(z.array(z.string().max(1024)).max(100))
    .superRefine((value, context) => {
      for (const key of Object.keys(value)) {
        if (Object.hasOwn(query.shape, key)) continue;
        if (key.startsWith(prefix) && name.safeParse(key.slice(prefix.length)).success) continue;
        context.addIssue({ code: "unrecognized_keys", keys: [key], input: value });
      }
    })
    .meta({ prefixedParameter: prefix });

/** The part of a parsed query whose names start with the prefix, the prefix taken off. */
export const prefixedOf = (
  query: Readonly<Record<string, unknown>>,
  prefix: string,
): ReadonlyMap<string, readonly string[]> =>
  new Map(
    Object.entries(query).flatMap(([key, value]) =>
      key.startsWith(prefix) && Array.isArray(value) ? [[key.slice(prefix.length), value.map(String)]] : [],
    ),
  );
