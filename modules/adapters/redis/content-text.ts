import type { ContentRecord } from "../../usecases/ports.ts";

/** What a caller writes of an item; the store adds revision, times and order. */
export type ContentBody = Pick<ContentRecord, "type" | "tags" | "length" | "sha256">;

/**
 * The text an item is stored as: a line that scripts read (revision, seq, createdAt, lastModified, withdrawnAt), a
 * line with the reason of the withdrawal as JSON, and the body as JSON. A deleted item keeps its revision alone, so
 * that an old ETag never fits a new item of the same id.
 */
export function readContentText(productId: string, id: string, text: string): ContentRecord | undefined {
  const headEnd = text.indexOf("\n");
  const reasonEnd = text.indexOf("\n", headEnd + 1);
  const [revision, seq, createdAt, lastModified, withdrawnAt] = text.slice(0, headEnd).split(" ");
  if (seq === "-" || reasonEnd < 0) return undefined;
  const body = JSON.parse(text.slice(reasonEnd + 1)) as ContentBody;
  return {
    productId,
    id,
    ...body,
    createdAt: Number(createdAt),
    lastModified: Number(lastModified),
    revision: Number(revision),
    seq: Number(seq),
    ...(withdrawnAt === "-"
      ? {}
      : { withdrawn: { reason: JSON.parse(text.slice(headEnd + 1, reasonEnd)), at: Number(withdrawnAt) } }),
  };
}

/** The same content gives the same text, whatever order its tags came in: that is how `unchanged` is told. */
export function contentBodyText(body: ContentBody): string {
  const tags = Object.fromEntries(Object.entries(body.tags).sort(([a], [b]) => (a < b ? -1 : 1)));
  return JSON.stringify({ type: body.type, tags, length: body.length, sha256: body.sha256 });
}

/** Characters of items that are remembered as they were read. */
const rememberedChars = 16_000_000;

/** Reads each text of an item once as long as it is remembered: the same record for the same text. */
export function rememberContent(): typeof readContentText {
  const known = new Map<string, { readonly text: string; readonly record: ContentRecord }>();
  let chars = 0;
  return (productId, id, text) => {
    const place = `${productId}/${id}`;
    const found = known.get(place);
    if (found?.text === text) return found.record;
    const record = readContentText(productId, id, text);
    if (record === undefined) return undefined;
    if (chars + text.length > rememberedChars) {
      known.clear();
      chars = 0;
    }
    known.set(place, { text, record });
    chars += text.length;
    return record;
  };
}
