import { nameValue, quote } from "./characters.ts";
import { findValue, isJsonObject, jsonDepthMax, jsonPointer, readJson, sliceRange } from "./json-text.ts";
import type { PackageProblem } from "./package-schema.ts";

/** The exact text of `otau_info` in a request body, or what is wrong with the body around it. */
export type BodyReading =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly problems: readonly PackageProblem[] };

const member = "otau_info";

/**
 * Cuts the text of `otau_info` out of a body `{ "otau_info": { … } }`, character for character as it was sent, for
 * `readOtauInfo` to judge and the item's tag to hold. Problems have JSON pointers into the body; what is wrong
 * within `otau_info` is not looked at. Never throws.
 */
export function otauInfoTextFromBody(rawBodyText: string): BodyReading {
  const reading = readJson(rawBodyText, { depthMax: jsonDepthMax + 1 });
  if (!reading.ok) return refused("", `The body cannot be read. ${reading.why}`);
  const body = reading.value;
  if (!isJsonObject(body))
    return refused("", `The body must be { "otau_info": { … } }, not ${nameValue(body)}`);
  const problems = [...doubled(reading.duplicates), ...unknown(body), ...missing(body)];
  if (problems.length > 0) return { ok: false, problems };
  const range = findValue(rawBodyText, [member]);
  return range === undefined
    ? refused(`/${member}`, "otau_info is missing")
    : { ok: true, text: sliceRange(rawBodyText, range) };
}

function doubled(duplicates: readonly string[]): readonly PackageProblem[] {
  if (!duplicates.includes(`/${member}`)) return [];
  return [{ path: `/${member}`, message: "otau_info appears more than once; send it once" }];
}

function unknown(body: Readonly<Record<string, unknown>>): readonly PackageProblem[] {
  return Object.keys(body)
    .filter((key) => key !== member)
    .slice(0, 20)
    .map((key) => ({ path: jsonPointer([key]), message: `The field ${quote(key)} is not known; remove it` }));
}

function missing(body: Readonly<Record<string, unknown>>): readonly PackageProblem[] {
  const given = body[member];
  if (isJsonObject(given)) return [];
  return [{ path: `/${member}`, message: `otau_info must be a JSON object, not ${nameValue(given)}` }];
}

function refused(path: string, message: string): BodyReading {
  return { ok: false, problems: [{ path, message }] };
}
