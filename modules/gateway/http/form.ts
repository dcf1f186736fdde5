import { jsonTextEnd } from "./raw-json.ts";

/** One `name=value` of a form, decoded. */
export type FormPair = { readonly name: string; readonly value: string };

/**
 * Reads a form body or query. Names and values are split at the first `=`; a value that stands there as plain JSON
 * text, as old clients send it, is taken literally and to its end, whatever `&`, `+` or `%` it holds.
 * Broken escapes are kept as they stand.
 */
export function parseForm(text: string): FormPair[] {
  const pairs: FormPair[] = [];
  let position = 0;
  while (position < text.length) {
    const found = readPair(text, position);
    if (found.pair !== undefined) pairs.push(found.pair);
    position = found.next;
  }
  return pairs;
}

function readPair(text: string, start: number): { pair: FormPair | undefined; next: number } {
  const ampersand = text.indexOf("&", start);
  const plainEnd = ampersand === -1 ? text.length : ampersand;
  const equals = text.indexOf("=", start);
  if (equals === -1 || equals > plainEnd) {
    const name = decodeFormText(text.slice(start, plainEnd));
    return { pair: name === "" ? undefined : { name, value: "" }, next: plainEnd + 1 };
  }
  const name = decodeFormText(text.slice(start, equals));
  const jsonEnd = jsonTextEnd(text, equals + 1);
  if (jsonEnd !== undefined) {
    return { pair: { name, value: text.slice(equals + 1, jsonEnd).trimEnd() }, next: jsonEnd + 1 };
  }
  return { pair: { name, value: decodeFormText(text.slice(equals + 1, plainEnd)) }, next: plainEnd + 1 };
}

/** Names and values as a correct form body: read again by `parseForm` it gives the same pairs. */
export function encodeForm(pairs: Iterable<readonly [name: string, value: string]>): string {
  const parts: string[] = [];
  for (const [name, value] of pairs) parts.push(`${encodeFormText(name)}=${encodeFormText(value)}`);
  return parts.join("&");
}

// A space becomes %20, not +: clients that only know percent-decoding read it rightly as well.
const encodeFormText = (text: string): string => encodeURIComponent(text.toWellFormed());

function decodeFormText(text: string): string {
  const spaced = text.includes("+") ? text.replaceAll("+", " ") : text;
  return percentDecode(spaced);
}

/** Percent-decodes as UTF-8; escapes that are none stay as they are, bytes that are no UTF-8 become U+FFFD. */
export function percentDecode(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text.replace(/(?:%[0-9a-f]{2})+/gi, (run) =>
      Buffer.from(run.replaceAll("%", ""), "hex").toString("utf8"),
    );
  }
}
