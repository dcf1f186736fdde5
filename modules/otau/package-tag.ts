import type { JsonReading } from "./json-text.ts";
import { readJson } from "./json-text.ts";

/** The JSON text of a tag `otau_info` and what it holds, or a sentence that says why it cannot be read. */
export type TagReading =
  | {
      readonly ok: true;
      /** The JSON text, decoded where the tag was percent-encoded. */
      readonly text: string;
      readonly value: unknown;
      readonly duplicates: readonly string[];
    }
  | { readonly ok: false; readonly why: string };

const brokenEscapePattern = /%(?![0-9A-Fa-f]{2})/;

/** Reads a tag as JSON, else percent-decodes it once and reads it again. Never throws. */
export function readTagText(tagValue: string): TagReading {
  if (!tagValue.isWellFormed()) {
    return {
      ok: false,
      why: "otau_info holds half a surrogate pair, which no UTF-8 text can; send whole characters",
    };
  }
  const direct = readJson(tagValue);
  if (direct.ok) return withText(direct, tagValue);
  if (!tagValue.includes("%")) return { ok: false, why: `otau_info cannot be read. ${direct.why}` };
  const decoded = decodeOnce(tagValue);
  if (decoded.text === undefined) return { ok: false, why: decoded.why };
  const second = readJson(decoded.text);
  if (second.ok) return withText(second, decoded.text);
  return { ok: false, why: `otau_info cannot be read, neither as it is nor percent-decoded. ${second.why}` };
}

function withText(reading: JsonReading & { readonly ok: true }, text: string): TagReading {
  return { ok: true, text, value: reading.value, duplicates: reading.duplicates };
}

/** `+` stays: the schema's example encodes a space as %20, and a version may well hold a plus. */
function decodeOnce(
  encoded: string,
): { readonly text: string } | { readonly text: undefined; readonly why: string } {
  try {
    return { text: decodeURIComponent(encoded) };
  } catch {
    const broken = brokenEscapePattern.exec(encoded);
    const why =
      broken === null
        ? "its percent-encoded bytes are not UTF-8"
        : `the percent sign at character ${broken.index} is not followed by two hexadecimal digits`;
    return { text: undefined, why: `otau_info is neither JSON nor percent-encoded JSON: ${why}` };
  }
}
