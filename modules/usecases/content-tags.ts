import { OtauError } from "../errors.ts";
import { isJsonObject, jsonPointer, readJson } from "../otau/json-text.ts";

const queryTagsMaxBytes = 8192;
const tagsMax = 64;
const tagNameMax = 128;

const invalid = (path: string, message: string): OtauError =>
  new OtauError("INVALID_INPUT", `tags${path} ${message}.`, { errors: [{ path: `tags${path}`, message }] });

/** Tags of a content item: a JSON object of strings, out of the query or of the part `tags` of a form. */
export function readContentTags(
  inQuery: string | undefined,
  inForm: string | undefined,
): Readonly<Record<string, string>> {
  if (inQuery !== undefined && inForm !== undefined) {
    throw invalid("", "stand both in the query and in the form; send them once");
  }
  if (inQuery !== undefined && Buffer.byteLength(inQuery) > queryTagsMaxBytes) {
    throw invalid("", `have more than ${queryTagsMaxBytes} bytes; send larger ones as a part of a form`);
  }
  const text = inQuery ?? inForm;
  return text === undefined ? {} : readTags(text);
}

function readTags(text: string): Readonly<Record<string, string>> {
  const reading = readJson(text);
  if (!reading.ok) throw invalid("", `must be a JSON object. ${reading.why}`);
  if (!isJsonObject(reading.value)) throw invalid("", "must be a JSON object of strings");
  const [double] = reading.duplicates;
  if (double !== undefined) throw invalid(double, "stands there twice");
  const entries = Object.entries(reading.value);
  if (entries.length > tagsMax) throw invalid("", `are ${entries.length}; an item has at most ${tagsMax}`);
  return Object.fromEntries(entries.map(([name, value]) => [checkedName(name), checkedValue(name, value)]));
}

function checkedName(name: string): string {
  if (name !== "" && name.length <= tagNameMax) return name;
  throw invalid(
    jsonPointer([name.slice(0, tagNameMax)]),
    `must have a name of 1 to ${tagNameMax} characters`,
  );
}

function checkedValue(name: string, value: unknown): string {
  if (typeof value === "string" && value.isWellFormed()) return value;
  throw invalid(jsonPointer([name]), "must be a string");
}

const mediaType = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(?:\s*;[\t\x20-\x7e]*)?$/;

/** The media type an item is kept with; what is none becomes plain bytes. */
export function contentTypeOf(header: string | undefined): string {
  const type = header?.trim() ?? "";
  return type.length <= 255 && mediaType.test(type) ? type : "application/octet-stream";
}
