import { isMap, isNode, LineCounter, type Node, parseDocument } from "yaml";
import type { z } from "zod";

/** A file the solution cannot start with; the message names file, line and column. */
export class SolutionError extends Error {
  override readonly name = "SolutionError";
}

type Parsed = { readonly value: unknown; readonly placeOf: (path: readonly PropertyKey[]) => string };

const toKey = (key: PropertyKey): string | number => (typeof key === "symbol" ? String(key) : key);

const parse = (file: string, text: string): Parsed => {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const place = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const fault = document.errors[0];
  if (fault !== undefined) {
    throw new SolutionError(
      `${place(fault.pos[0])}: ${fault.message.split("\n", 1)[0] ?? "is not valid YAML"}`,
    );
  }
  const nodeAt = (path: readonly PropertyKey[]): Node | undefined => {
    const found: unknown = path.length === 0 ? document.contents : document.getIn(path.map(toKey), true);
    return isNode(found) ? found : undefined;
  };
  const keyOffset = (path: readonly PropertyKey[]): number | undefined => {
    const parent = nodeAt(path.slice(0, -1));
    if (!isMap(parent)) return undefined;
    const pair = parent.items.find(({ key }) => isNode(key) && String(key) === String(path.at(-1)));
    return isNode(pair?.key) ? pair.key.range?.[0] : undefined;
  };
  // What is missing has no place of its own; the nearest thing around it has.
  const offsetOf = (path: readonly PropertyKey[]): number =>
    keyOffset(path) ?? nodeAt(path)?.range?.[0] ?? (path.length === 0 ? 0 : offsetOf(path.slice(0, -1)));
  return { value: document.toJS({ maxAliasCount: 100 }), placeOf: (path) => place(offsetOf(path)) };
};

const lineOf = (issue: z.core.$ZodIssue, placeOf: Parsed["placeOf"]): string => {
  const key = issue.code === "unrecognized_keys" ? issue.keys[0] : undefined;
  const path = key === undefined ? issue.path : [...issue.path, key];
  const name = path.map(String).join(".");
  const message = key === undefined ? issue.message : "is not a known key";
  return `${placeOf(path)}: ${name === "" ? message : `${name}: ${message}`}`;
};

/** Reads YAML text by a schema; an empty file is an empty map. Throws SolutionError with every fault. */
export const parseYaml = <Schema extends z.ZodType>(
  file: string,
  text: string,
  schema: Schema,
): z.output<Schema> => {
  const { value, placeOf } = parse(file, text);
  const parsed = schema.safeParse(value ?? {});
  if (parsed.success) return parsed.data;
  throw new SolutionError(parsed.error.issues.map((issue) => lineOf(issue, placeOf)).join("\n"));
};
