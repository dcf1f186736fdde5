/**
 * Characters are Unicode code points, as JSON Schema and zod's `min` and `max` count them: one limit means the
 * same in a package, in a report and in the OpenAPI document.
 */

const ellipsis = "…";

/** Whether `text` has more than `max` characters; looks at no more of it than it must. */
export function isLongerThan(text: string, max: number): boolean {
  return endOf(text, max) < text.length;
}

/** `text` with at most `max` characters; what is longer is cut and ends in `…`, never between the halves of a pair. */
export function clipCharacters(text: string, max: number): string {
  if (!isLongerThan(text, max)) return text;
  return text.slice(0, endOf(text, max - ellipsis.length)) + ellipsis;
}

/** What kind of value stands where another was wanted, as words for a message. */
export function nameValue(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object") return "an object";
  return quote(value);
}

/** A text or number for a message: escaped, so that it forges no line, and short. */
export function quote(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(clipCharacters(value, 80)) : String(value);
}

/** Offset just behind the first `max` characters. */
function endOf(text: string, max: number): number {
  if (text.length <= max) return text.length;
  let offset = 0;
  for (let count = 0; count < max && offset < text.length; count += 1) {
    offset += (text.codePointAt(offset) ?? 0) > 0xffff ? 2 : 1;
  }
  return offset;
}
