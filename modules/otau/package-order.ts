import { readTagText } from "./package-tag.ts";

/** `sequence` of a package's `otau_info`: an order of its versions that needs no semver. Undefined = it has none. */
export function sequenceOf(tag: string): number | undefined {
  const sequence = field(parse(tag), "sequence");
  return typeof sequence === "number" && Number.isSafeInteger(sequence) ? sequence : undefined;
}

/** The version a package brings, as far as its tag can be read. */
export function configVersionOf(tag: string): string | undefined {
  const version = field(field(parse(tag), "config_otau"), "version");
  return typeof version === "string" ? version : undefined;
}

function parse(tag: string): unknown {
  const reading = readTagText(tag);
  try {
    return reading.ok ? JSON.parse(reading.text) : undefined;
  } catch {
    return undefined;
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}
