import { openAsBlob } from "node:fs";
import { stat } from "node:fs/promises";
import { relative, resolve, sep } from "node:path";
import { CliError } from "../cli-error.ts";
import { mimeTypeOf } from "../mime-types.ts";
import type { Session } from "../session.ts";
import type { ContentItem } from "../shapes.ts";
import { uploadRequest } from "../upload-request.ts";
import type { ListedItem } from "./content-listing.ts";

/** What became of one item. `left`: it was not sent, as `note` says. */
export type ItemOutcome = {
  readonly id: string;
  readonly outcome: "imported" | "invalid" | "refused" | "left";
  readonly note?: string;
};

/** Where the bytes of items are, and whether anything is sent. */
export type ImportOptions = { readonly filesDir: string | undefined; readonly isDryRun: boolean };

/** Sends items one after the other; one that is refused stops no other. */
export async function importItems(
  { api }: Session,
  items: readonly ListedItem[],
  { filesDir, isDryRun }: ImportOptions,
): Promise<readonly ItemOutcome[]> {
  const outcomes: ItemOutcome[] = [];
  for (const item of items) {
    const bytes = await bytesOf(item, filesDir);
    if (bytes === undefined) {
      outcomes.push({ id: item.id, outcome: "left", note: "its bytes are in no file below --files" });
      continue;
    }
    const path = api.productPath("content", item.id);
    const type = item.type ?? mimeTypeOf(item.id);
    const request = uploadRequest(item.tags, bytes, type, item.id);
    outcomes.push(
      isDryRun
        ? { id: item.id, outcome: "imported" }
        : await api.send<ContentItem>("PUT", path, request).then(toOutcome(item.id), toRefusal(item.id)),
    );
  }
  return outcomes;
}

const toOutcome =
  (id: string) =>
  ({ valid, problems = [] }: ContentItem): ItemOutcome => {
    const note = problems.map(({ path, message }) => `${path || "/"}: ${message}`).join("; ");
    return valid === false ? { id, outcome: "invalid", note } : { id, outcome: "imported" };
  };

/** Only a refusal of this one item: a server that is gone or a token without the right ends the import. */
const toRefusal =
  (id: string) =>
  (error: unknown): ItemOutcome => {
    const isOfItem =
      error instanceof CliError && error.code !== undefined && !/^(UNAUTHORIZED|FORBIDDEN)$/.test(error.code);
    if (!isOfItem) throw error;
    return { id, outcome: "refused", note: error.message };
  };

/** A package needs none: its tag says all. Undefined where an item has bytes that nobody brought along. */
async function bytesOf({ id, length }: ListedItem, filesDir: string | undefined): Promise<Blob | undefined> {
  const found = filesDir === undefined ? undefined : await readBelow(filesDir, id);
  if (found !== undefined) return found;
  const needsNone = length === 0 || (/^package_[^/]*$/.test(id) && length === undefined);
  return needsNone ? new Blob([]) : undefined;
}

async function readBelow(dir: string, id: string): Promise<Blob | undefined> {
  const path = resolve(dir, id);
  // An id comes from a file of somebody else's: it must not name one outside the folder.
  const below = relative(dir, path);
  if (below === "" || below === ".." || below.startsWith(`..${sep}`)) return undefined;
  const isFile = await stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
  return isFile ? openAsBlob(path) : undefined;
}
