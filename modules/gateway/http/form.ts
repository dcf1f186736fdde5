import { OtauError } from "../../errors.ts";
import { jsonTextEnd, startsJson } from "./raw-json.ts";

/** One `name=value` of a form, decoded. */
export type FormPair = { readonly name: string; readonly value: string };

const maxPairs = 10_000;

// Each try may look at the whole rest of the body: a body made of broken JSON must not cost its length squared.
const maxFailedJson = 8;

/**
 * Reads a form body or query. Names and values are split at the first `=`; a value that stands there as plain JSON
 * text, as old clients send it, is taken literally and to its end, whatever `&`, `+` or `%` it holds.
 * Broken escapes are kept as they stand. INVALID_INPUT for more than 10,000 pairs.
 */
export function parseForm(text: string): FormPair[] {
  const pairs: FormPair[] = [];
  let failedJson = 0;
  let position = 0;
  while (position < text.length) {
    const found = readPair(text, position, failedJson < maxFailedJson);
    if (found.hasFailedJson) failedJson++;
    if (found.pair.name !== "") pairs.push(found.pair);
    if (pairs.length > maxPairs) {
      throw new OtauError(
        "INVALID_INPUT",
        `More than ${maxPairs} values in one request; send fewer at once.`,
      );
    }
    position = found.next;
  }
  return pairs;
}

type FoundPair = { readonly pair: FormPair; readonly next: number; readonly hasFailedJson: boolean };

function readPair(text: string, start: number, mayBeJson: boolean): FoundPair {
  const ampersand = text.indexOf("&", start);
  const end = ampersand === -1 ? text.length : ampersand;
  const piece = text.slice(start, end);
  const equals = piece.indexOf("=");
  if (equals === -1) {
    return { pair: { name: decodeFormText(piece), value: "" }, next: end + 1, hasFailedJson: false };
  }
  const name = decodeFormText(piece.slice(0, equals));
  const looksLikeJson = mayBeJson && startsJson(piece[equals + 1]);
  const valueStart = start + equals + 1;
  const jsonEnd = looksLikeJson ? jsonTextEnd(text, valueStart) : undefined;
  if (jsonEnd !== undefined) {
    const value = text.slice(valueStart, jsonEnd).trimEnd();
    return { pair: { name, value }, next: jsonEnd + 1, hasFailedJson: false };
  }
  const value = decodeFormText(piece.slice(equals + 1));
  return { pair: { name, value }, next: end + 1, hasFailedJson: looksLikeJson };
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
