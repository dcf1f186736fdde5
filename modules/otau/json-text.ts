import { createScanner } from "jsonc-parser";

/** Deepest nesting of arrays and objects that a document of ours may have. */
export const jsonDepthMax = 64;

/** Place of a value in a text, in UTF-16 units. */
export type TextRange = { readonly offset: number; readonly length: number };

/** Keys and indexes that lead from the root to a value. */
export type JsonPath = readonly (string | number)[];

/** A text read as JSON; `duplicates` are JSON pointers to keys that an object holds twice (the first of them). */
export type JsonReading =
  | { readonly ok: true; readonly value: unknown; readonly duplicates: readonly string[] }
  | { readonly ok: false; readonly why: string };

type Visitor = {
  /** Called when a value is complete; `path` changes afterwards, so copy what is kept. */
  readonly onValue?: (path: JsonPath, range: TextRange, text: string | undefined) => void;
  readonly onDuplicate?: (path: JsonPath) => void;
};

type Frame = {
  readonly isObject: boolean;
  readonly offset: number;
  expectsKey: boolean;
  firstKey: string | undefined;
  keys: Set<string> | undefined;
};

/** Bounds of a reading: the deepest nesting, and how many doubled keys are named. */
export type JsonBounds = { readonly depthMax: number; readonly duplicatesMax: number };

const usualBounds: JsonBounds = { depthMax: jsonDepthMax, duplicatesMax: 100 };

// The scanner's token codes: its own enum exists for the compiler only.
const openBrace = 1;
const closeBrace = 2;
const openBracket = 3;
const closeBracket = 4;
const comma = 5;
const colon = 6;
const stringLiteral = 10;
const endOfText = 17;

/**
 * Reads a text as strict JSON: no comments, no trailing commas, no byte order mark. Never throws and never recurses,
 * whatever the nesting; deeper than `depthMax` is refused before anything is built.
 */
export function readJson(text: string, bounds: Partial<JsonBounds> = {}): JsonReading {
  const { depthMax, duplicatesMax } = { ...usualBounds, ...bounds };
  const duplicates: string[] = [];
  const onDuplicate = (path: JsonPath): void => {
    if (duplicates.length < duplicatesMax) duplicates.push(jsonPointer(path));
  };
  if (!walk(text, depthMax, { onDuplicate })) {
    return { ok: false, why: `It is nested deeper than ${depthMax} levels` };
  }
  try {
    return { ok: true, value: JSON.parse(text), duplicates };
  } catch (cause) {
    return { ok: false, why: notJson(text, cause) };
  }
}

/** Exact place of the value at `path` in a text that `readJson` accepted; of a doubled key the last one counts. */
export function findValue(text: string, path: JsonPath): TextRange | undefined {
  let found: TextRange | undefined;
  const onValue = (at: JsonPath, range: TextRange): void => {
    if (isSamePath(at, path)) found = range;
  };
  walk(text, Number.POSITIVE_INFINITY, { onValue });
  return found;
}

/** Every string value (no keys) of a text that `readJson` accepted: its path, place and decoded text, in order. */
export function listStrings(
  text: string,
): readonly { readonly path: JsonPath; readonly range: TextRange; readonly value: string }[] {
  const strings: { path: JsonPath; range: TextRange; value: string }[] = [];
  const onValue = (path: JsonPath, range: TextRange, value: string | undefined): void => {
    if (value !== undefined) strings.push({ path: [...path], range, value });
  };
  walk(text, Number.POSITIVE_INFINITY, { onValue });
  return strings;
}

/** The text at a place. */
export function sliceRange(text: string, range: TextRange): string {
  return text.slice(range.offset, range.offset + range.length);
}

/** RFC 6901 pointer of a path; the root is the empty text. */
export function jsonPointer(path: readonly PropertyKey[]): string {
  return path.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** Whether a parsed value is a JSON object: neither an array nor null. */
export function isJsonObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Goes through the tokens with a stack of its own; false when the nesting exceeds `depthMax`. It takes the grammar
 * for granted: on text that is not JSON it says nothing useful, but ends and does no harm - JSON.parse is the judge.
 */
function walk(text: string, depthMax: number, visitor: Visitor): boolean {
  const scanner = createScanner(text, true);
  const frames: Frame[] = [];
  const path: (string | number)[] = [];
  for (let token: number = scanner.scan(); token !== endOfText; token = scanner.scan()) {
    const frame = frames.at(-1);
    if (token === openBrace || token === openBracket) {
      if (frames.length >= depthMax) return false;
      frames.push(openFrame(token === openBrace, scanner.getTokenOffset()));
      path.push(0);
    } else if (token === closeBrace || token === closeBracket) {
      frames.pop();
      path.pop();
      if (frame !== undefined)
        visitor.onValue?.(path, rangeFrom(frame.offset, scanner.getPosition()), undefined);
    } else if (token === comma) {
      if (frame !== undefined) step(frame, path);
    } else if (token === stringLiteral && frame?.expectsKey === true) {
      takeKey(frame, scanner.getTokenValue(), path, visitor);
    } else if (token !== colon) {
      const string = token === stringLiteral ? scanner.getTokenValue() : undefined;
      visitor.onValue?.(path, rangeFrom(scanner.getTokenOffset(), scanner.getPosition()), string);
    }
  }
  return true;
}

function openFrame(isObject: boolean, offset: number): Frame {
  return { isObject, offset, expectsKey: isObject, firstKey: undefined, keys: undefined };
}

function step(frame: Frame, path: (string | number)[]): void {
  if (frame.isObject) {
    frame.expectsKey = true;
    return;
  }
  const index = path[path.length - 1];
  path[path.length - 1] = typeof index === "number" ? index + 1 : 0;
}

/** Most objects have few keys, and deep nests one each: the set is made for the second. */
function takeKey(frame: Frame, key: string, path: (string | number)[], visitor: Visitor): void {
  frame.expectsKey = false;
  path[path.length - 1] = key;
  if (frame.firstKey === undefined) {
    frame.firstKey = key;
    return;
  }
  frame.keys ??= new Set([frame.firstKey]);
  if (frame.keys.has(key)) visitor.onDuplicate?.(path);
  frame.keys.add(key);
}

function rangeFrom(offset: number, end: number): TextRange {
  return { offset, length: end - offset };
}

function isSamePath(one: JsonPath, other: JsonPath): boolean {
  return one.length === other.length && one.every((value, index) => value === other[index]);
}

/** The parser's own message would echo the input at length; its position is what helps. */
function notJson(text: string, cause: unknown): string {
  if (text.trim() === "") return "It is empty";
  const position = /position (\d+)/.exec(cause instanceof Error ? cause.message : "")?.[1];
  return position === undefined ? "It is not JSON" : `It is not JSON: the fault is at character ${position}`;
}
