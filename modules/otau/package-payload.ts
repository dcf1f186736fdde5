import { nameValue, quote } from "./characters.ts";
import { isContentId } from "./ids.ts";
import { isJsonObject } from "./json-text.ts";
import type { PackageProblem } from "./package-schema.ts";
import { packageTypes } from "./package-schema.ts";

/** What the settings allow beyond the schema. */
export type PackageRules = {
  /** `OTAU_ALLOW_HTTP_PAYLOAD`: plain `http:` links are accepted too. */
  readonly allowHttpPayload: boolean;
  /** `OTAU_EXTRA_TYPES`: package types that take any JSON value as payload. */
  readonly extraTypes: readonly string[];
};

/** What precedes the id of a content item in a payload that stands for its bytes. */
export const contentLinkPrefix = "otau+content:";

const urlsMax = 1000;

// Backslashes are refused with the rest: clients disagree on what host such a link names.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for.
const unfitForUrl = /[\s\\\u0000-\u001f\u007f-\u009f]/u;
const absoluteUrl = /^(https?):\/\/[^/?#]/i;

/** Faults of a type and, where the type is known and there is a payload, of that. `path` points to `config_otau`. */
export function checkPayload(
  config: Readonly<Record<string, unknown>>,
  rules: PackageRules,
  path: string,
): readonly PackageProblem[] {
  const { type, payload } = config;
  if (typeof type !== "string") return [];
  const check = payloadChecks.get(type);
  if (check === undefined) return rules.extraTypes.includes(type) ? [] : [unknownType(type, rules, path)];
  return payload === undefined ? [] : check(payload, rules, `${path}/payload`);
}

type PayloadCheck = (payload: unknown, rules: PackageRules, at: string) => readonly PackageProblem[];

const payloadChecks: ReadonlyMap<string, PayloadCheck> = new Map<(typeof packageTypes)[number], PayloadCheck>(
  [
    ["FILE", checkLink],
    ["JSON", checkJson],
    ["URL_LIST", checkUrlList],
  ],
);

function checkJson(payload: unknown, _rules: PackageRules, at: string): readonly PackageProblem[] {
  if (isJsonObject(payload)) return [];
  return [{ path: at, message: `payload of type JSON must be a JSON object, not ${nameValue(payload)}` }];
}

function checkUrlList(payload: unknown, rules: PackageRules, at: string): readonly PackageProblem[] {
  if (!Array.isArray(payload) || payload.length === 0) {
    const given = Array.isArray(payload) ? "an empty one" : nameValue(payload);
    return [{ path: at, message: `payload of type URL_LIST must be an array of links, not ${given}` }];
  }
  if (payload.length > urlsMax) {
    const message = `payload of type URL_LIST has ${payload.length} links; at most ${urlsMax} are allowed`;
    return [{ path: at, message }];
  }
  return payload.flatMap((link: unknown, index) => checkLink(link, rules, `${at}/${index}`));
}

function checkLink(link: unknown, rules: PackageRules, at: string): readonly PackageProblem[] {
  const fault = linkFault(link, rules);
  return fault === undefined ? [] : [{ path: at, message: `The payload's link ${fault}` }];
}

/** What is wrong with a link, as the end of a sentence. */
function linkFault(link: unknown, rules: PackageRules): string | undefined {
  const wanted = rules.allowHttpPayload ? "an absolute https: or http: URL" : "an absolute https: URL";
  if (typeof link !== "string") return `must be ${wanted} as text, not ${nameValue(link)}`;
  if (link.startsWith(contentLinkPrefix)) return contentLinkFault(link.slice(contentLinkPrefix.length));
  if (unfitForUrl.test(link) || !link.isWellFormed()) {
    return `holds white space, a control character, a backslash or half a surrogate pair: ${quote(link)}`;
  }
  const scheme = absoluteUrl.exec(link)?.[1]?.toLowerCase();
  if (scheme === undefined || !URL.canParse(link)) {
    return `must be ${wanted} or ${contentLinkPrefix}<id>, not ${quote(link)}`;
  }
  if (scheme === "https" || rules.allowHttpPayload) return undefined;
  return `is not encrypted: ${quote(link)}; use https:, or allow http: with OTAU_ALLOW_HTTP_PAYLOAD=true`;
}

function contentLinkFault(id: string): string | undefined {
  return isContentId(id) ? undefined : `names no content item: ${quote(id)} is not a content id`;
}

function unknownType(type: string, rules: PackageRules, path: string): PackageProblem {
  const known = [...packageTypes, ...rules.extraTypes].join(", ");
  const message = `type ${quote(type)} is not known; known types are ${known}`;
  return { path: `${path}/type`, message };
}
