import { invalidInput } from "./problem.ts";

/** Deeper JSON than this is refused before it is parsed. */
export const jsonDepthMax = 64;

const quote = 0x22;
const backslash = 0x5c;
const opening = new Set([0x5b, 0x7b]);
const closing = new Set([0x5d, 0x7d]);

// A loop over bytes: nothing a caller nests may ever nest our calls. Bytes of a UTF-8 sequence
// are all above 0x7f, so none is mistaken for a bracket.
const isTooDeep = (bytes: Uint8Array): boolean => {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (inString) {
      if (byte === backslash) at += 1;
      else if (byte === quote) inString = false;
    } else if (byte === quote) {
      inString = true;
    } else if (opening.has(byte)) {
      depth += 1;
      if (depth > jsonDepthMax) return true;
    } else if (closing.has(byte)) {
      depth -= 1;
    }
  }
  return false;
};

/** Bytes as text; bytes that are not UTF-8 are refused. */
export const decodeUtf8 = (bytes: Uint8Array): string => {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw invalidInput("", "is not valid UTF-8");
  }
};

/** One JSON value from bytes already known to be shallow enough; `path` names the place in messages. */
const parseValue = (text: string, path: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (error) {
    const place = error instanceof Error ? (/at position \d+/.exec(error.message)?.[0] ?? "") : "";
    throw invalidInput(path, `is not valid JSON${place === "" ? "" : ` ${place}`}`);
  }
};

const refuseDeep = (bytes: Uint8Array): void => {
  if (isTooDeep(bytes)) throw invalidInput("", `is nested deeper than ${jsonDepthMax} levels`);
};

/** The JSON value of a body with its text. Refuses depth beyond 64, other encodings, other syntax. */
export const parseJsonBody = (bytes: Uint8Array): { readonly text: string; readonly value: unknown } => {
  refuseDeep(bytes);
  const text = decodeUtf8(bytes);
  return { text, value: parseValue(text, "") };
};

/** The values of a body with one JSON value a line, as an array; empty lines are passed over. */
export const parseNdjsonBody = (bytes: Uint8Array): { readonly text: string; readonly value: unknown[] } => {
  refuseDeep(bytes);
  const text = decodeUtf8(bytes);
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return { text, value: lines.map((line, index) => parseValue(line, `/${index}`)) };
};
