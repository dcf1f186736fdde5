import type { JsonPath, TextRange } from "./json-text.ts";
import { listStrings } from "./json-text.ts";
import { contentLinkPrefix } from "./package-payload.ts";

type ContentLink = { readonly contentId: string; readonly range: TextRange };

/**
 * The text of a valid `config_otau` with each `otau+content:<id>` of its payload replaced by what `link` gives for
 * that id; every other character stays as it is.
 */
export function substituteContentLinks(configText: string, link: (contentId: string) => string): string {
  let text = "";
  let copied = 0;
  for (const { contentId, range } of findContentLinks(configText)) {
    text += configText.slice(copied, range.offset) + JSON.stringify(link(contentId));
    copied = range.offset + range.length;
  }
  return text + configText.slice(copied);
}

/** Ids of the content items whose bytes the payload of a valid `config_otau` stands for, in order. */
export function listContentLinks(configText: string): readonly string[] {
  return findContentLinks(configText).map(({ contentId }) => contentId);
}

function findContentLinks(configText: string): readonly ContentLink[] {
  // Escapes could hide the prefix (`otau+content\u003a`), but hardly any text that holds neither has a link.
  if (!configText.includes(contentLinkPrefix) && !configText.includes("\\")) return [];
  const strings = listStrings(configText);
  const type = strings.find(({ path }) => path.length === 1 && path[0] === "type")?.value;
  return strings
    .filter(({ path, value }) => value.startsWith(contentLinkPrefix) && isLinkPlace(type, path))
    .map(({ range, value }) => ({ contentId: value.slice(contentLinkPrefix.length), range }));
}

/** Only where the type means a link: the same words in a name or in a JSON payload are left alone. */
function isLinkPlace(type: string | undefined, path: JsonPath): boolean {
  if (path[0] !== "payload") return false;
  if (type === "FILE") return path.length === 1;
  return type === "URL_LIST" && path.length === 2;
}
