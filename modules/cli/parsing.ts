import { usageError } from "./cli-error.ts";

/**
 * Reads `name=value` pairs, split at the first `=`. The value stays exactly as typed: percent-encoded text
 * is what the server is to keep. The last of a repeated name wins. Throws a usage error when a side is empty.
 */
export function parsePairs(option: string, pairs: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf("=");
      if (at > 0 && at < pair.length - 1) return [pair.slice(0, at), pair.slice(at + 1)];
      throw usageError(
        `${option} "${pair}" is not name=value; neither side may be empty`,
        "Arguments go before the options that take several values.",
      );
    }),
  );
}

/** Reads a JSON object from the command line. Throws a usage error that names the option. */
export function parseJsonObject(option: string, text: string): Readonly<Record<string, unknown>> {
  const value = parseJson(option, text);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw usageError(`${option} ${text} is not a JSON object`, `Type it like ${option} '{"totalMs": 60000}'`);
}

function parseJson(option: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw usageError(`${option} is not JSON: ${why}`, `Type it like ${option} '{"totalMs": 60000}'`);
  }
}

/** Reads a whole number of at least 1. Throws a usage error that names the option. */
export function parseCount(option: string, text: string, max: number = Number.MAX_SAFE_INTEGER): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count >= 1 && count <= max) return count;
  throw usageError(`${option} "${text}" is not a whole number from 1 to ${max}`);
}

/** Keeps only what was given, so that the server's own defaults stand. */
export function definedOnly<Value extends object>(value: Value): Partial<Value> {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as Partial<Value>;
}
