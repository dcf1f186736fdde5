import { quote } from "./characters.ts";
import type { JsonReading } from "./json-text.ts";
import { findValue, isJsonObject, jsonPointer, readJson, sliceRange } from "./json-text.ts";
import type { PackageRules } from "./package-payload.ts";
import { checkPayload } from "./package-payload.ts";
import type { ConfigOtau, OtauInfo, PackageProblem } from "./package-schema.ts";
import { configOtauSchema, otauInfoSchema } from "./package-schema.ts";
import { readTagText } from "./package-tag.ts";

/** Most bytes of UTF-8 that a `config_otau` may have. */
export const configBytesMax = 65_536;

/** The keys of `config_otau` that the schema names. */
export type ConfigFields = Readonly<
  Pick<ConfigOtau, "version" | "name" | "type" | "payload" | "description">
>;

/** A tag `otau_info` read, or everything that is wrong with it. */
export type OtauInfoReading =
  | {
      readonly valid: true;
      readonly info: Readonly<OtauInfo>;
      /** The exact text of `config_otau`: what is written to devices. */
      readonly configText: string;
      readonly config: ConfigFields;
      /** `sequence` of `otau_info`, where it is a whole number: an order that versions alone may not have. */
      readonly sequence?: number;
    }
  | {
      readonly valid: false;
      /** JSON pointers into `otau_info`, with a sentence each. */
      readonly problems: readonly PackageProblem[];
      /** What the text holds, where it is JSON. */
      readonly info?: unknown;
    };

/** A `config_otau` that came by itself, or everything that is wrong with it (pointers start at its root). */
export type ConfigReading =
  | { readonly valid: true; readonly configText: string; readonly config: ConfigFields }
  | { readonly valid: false; readonly problems: readonly PackageProblem[] };

const problemsMax = 100;

/**
 * Reads the tag `otau_info` of a package: JSON, else percent-encoded JSON, decoded once. Never throws; all problems
 * are named at once.
 */
export function readOtauInfo(tagValue: string, rules: PackageRules): OtauInfoReading {
  const tag = readTagText(tagValue);
  if (!tag.ok) return { valid: false, problems: [{ path: "", message: tag.why }] };
  const configText = textAt(tag.text, "config_otau");
  const parsed = otauInfoSchema.safeParse(tag.value);
  const problems = [
    ...duplicateProblems(tag.duplicates),
    ...schemaProblems(parsed.error),
    ...configProblems(configOf(tag.value), configText, rules, "/config_otau"),
  ];
  if (!parsed.success || problems.length > 0)
    return { valid: false, problems: clip(problems), info: tag.value };
  // The value itself, not zod's copy: that one leaves out a key named __proto__.
  const info = tag.value as OtauInfo;
  const reading = { valid: true, info, configText, config: pickFields(info.config_otau) } as const;
  const sequence = info["sequence"];
  return Number.isSafeInteger(sequence) ? { ...reading, sequence: Number(sequence) } : reading;
}

/** Reads a `config_otau` that was set on a device directly: JSON only, and the text as it is, spaces around it too. */
export function readConfigOtau(text: string, rules: PackageRules): ConfigReading {
  const reading: JsonReading = text.isWellFormed()
    ? readJson(text)
    : { ok: false, why: "It holds half a surrogate pair" };
  if (!reading.ok) {
    return { valid: false, problems: [{ path: "", message: `config_otau cannot be read. ${reading.why}` }] };
  }
  const parsed = configOtauSchema.safeParse(reading.value);
  const problems = [
    ...duplicateProblems(reading.duplicates),
    ...schemaProblems(parsed.error),
    ...configProblems(reading.value, text, rules, ""),
  ];
  if (!parsed.success || problems.length > 0) return { valid: false, problems: clip(problems) };
  return { valid: true, configText: text, config: pickFields(parsed.data) };
}

/** What a tag `otau_info` holds, valid or not; undefined where it is not JSON. */
export function describeOtauInfo(tagValue: string): unknown {
  const tag = readTagText(tagValue);
  return tag.ok ? tag.value : undefined;
}

function textAt(text: string, key: string): string {
  const range = findValue(text, [key]);
  return range === undefined ? "" : sliceRange(text, range);
}

function configOf(info: unknown): unknown {
  return isJsonObject(info) ? info["config_otau"] : undefined;
}

function duplicateProblems(duplicates: readonly string[]): readonly PackageProblem[] {
  return duplicates.map((path) => ({
    path,
    message: `The key ${quote(path)} appears more than once; keep one of them`,
  }));
}

type SchemaFault = {
  readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[];
};

function schemaProblems(fault: SchemaFault | undefined): readonly PackageProblem[] {
  return (fault?.issues ?? []).map(({ path, message }) => ({ path: jsonPointer(path), message }));
}

/** What the schema cannot say: the size of the text, and which payload fits the type. */
function configProblems(
  config: unknown,
  text: string,
  rules: PackageRules,
  path: string,
): readonly PackageProblem[] {
  if (!isJsonObject(config)) return [];
  return [...sizeProblems(text, path), ...checkPayload(config, rules, path)];
}

function sizeProblems(text: string, path: string): readonly PackageProblem[] {
  // Three bytes is the most that one UTF-16 unit takes: most texts need no counting.
  if (text.length * 3 <= configBytesMax) return [];
  const bytes = new TextEncoder().encode(text).length;
  if (bytes <= configBytesMax) return [];
  return [{ path, message: `config_otau has ${bytes} bytes; at most ${configBytesMax} are allowed` }];
}

function clip(problems: readonly PackageProblem[]): readonly PackageProblem[] {
  if (problems.length <= problemsMax) return problems;
  const left = problems.length - problemsMax;
  return [...problems.slice(0, problemsMax), { path: "", message: `There are ${left} more problems` }];
}

function pickFields({ version, name, type, payload, description }: ConfigOtau): ConfigFields {
  const fields = { version, name, type, payload };
  return description === undefined ? fields : { ...fields, description };
}
