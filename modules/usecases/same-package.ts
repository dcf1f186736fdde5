import { isPackageId } from "../otau/ids.ts";
import { readTagText } from "../otau/package-tag.ts";
import type { ContentRecord } from "./ports.ts";

type Stored = Pick<ContentRecord, "id" | "type" | "tags" | "length" | "sha256">;

const infoTag = "otau_info";

const tagOf = (tags: ContentRecord["tags"], name: string): string | undefined =>
  Object.hasOwn(tags, name) ? tags[name] : undefined;

/** The text a package is described by, the same whether its tag came as JSON or percent-encoded. */
function infoTextOf({ tags }: Stored): string | undefined {
  const tag = tagOf(tags, infoTag);
  const reading = tag === undefined ? undefined : readTagText(tag);
  return reading?.ok ? reading.text : undefined;
}

function haveSameOtherTags(a: Stored, b: Stored): boolean {
  const names = [...new Set([...Object.keys(a.tags), ...Object.keys(b.tags)])];
  return names.every((name) => name === infoTag || tagOf(a.tags, name) === tagOf(b.tags, name));
}

/**
 * What to store of a package that is put again. One that says what the present one says is taken as that one, by
 * whichever door either came: how its text was encoded and the MIME type tell nothing of it, and what changes nothing
 * is allowed while updates refer to it. With `byTextAlone` bytes and other tags are left as they are, too.
 */
export function asItStands(
  present: ContentRecord | undefined,
  wanted: Stored,
  { byTextAlone }: { readonly byTextAlone: boolean },
): Stored {
  if (present === undefined || !isPackageId(wanted.id)) return wanted;
  const text = infoTextOf(wanted);
  if (text === undefined || text !== infoTextOf(present)) return wanted;
  const isSame = byTextAlone || (present.sha256 === wanted.sha256 && haveSameOtherTags(present, wanted));
  if (!isSame) return wanted;
  const { id, type, tags, length, sha256 } = present;
  return { id, type, tags, length, sha256 };
}
