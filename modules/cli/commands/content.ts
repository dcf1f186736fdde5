import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Command } from "commander";
import { CliError, usageError } from "../cli-error.ts";
import type { Io } from "../io.ts";
import { addGroup, addLeaf, listLimitDefault } from "../leaf.ts";
import { definedOnly, parseCount } from "../parsing.ts";
import { openSession, type Session } from "../session.ts";
import type { ContentItem } from "../shapes.ts";
import type { Column } from "../tables.ts";
import { addContentUpload } from "./content-upload.ts";

type ListOptions = { readonly long?: true; readonly prefix?: string; readonly limit: string };
type DownloadOptions = { readonly output?: string };

const longColumns: readonly Column<ContentItem>[] = [
  { title: "id", of: (item) => item.id },
  { title: "length", of: (item) => item.length, isNumber: true },
  { title: "type", of: (item) => item.type },
  { title: "tags", of: (item) => item.tags, isFlexible: true },
];

/** Adds `content` and what stands below it. */
export function addContent(program: Command, io: Io): void {
  const content = addGroup(program, "content", "The product's content area: files and packages", [
    "otau content upload package_acme_1-0-1.json --tags otau_info=…",
    "otau content list -l",
    "otau content download firmware/1.0.1.bin -o firmware.bin",
  ]);
  addContentUpload(content, io);
  addContentList(content, io);
  addContentReaders(content, io);
}

function addContentList(content: Command, io: Io): void {
  addLeaf(content, {
    usage: "list",
    summary: "List the ids of what is there",
    examples: ["otau content list --prefix firmware/", "otau content list -l"],
  })
    .option("-l, --long", "length, type and tags too")
    .option("--prefix <text>", "only ids that begin so")
    .option("--limit <n>", "how many at most", listLimitDefault)
    .action((options: ListOptions, command: Command) => listContent(openSession(io, command), options));
}

async function listContent({ api, out }: Session, options: ListOptions): Promise<void> {
  const query = definedOnly({ prefix: options.prefix });
  const limit = parseCount("--limit", options.limit);
  const page = await api.list<ContentItem>(api.productPath("content"), query, limit);
  const whenEmpty = "Nothing here yet. Upload something with: otau content upload FILE --tags key=value";
  if (options.long || out.isJson || page.items.length === 0) return out.page(page, longColumns, whenEmpty);
  for (const item of page.items) await out.line(item.id);
  if (page.next !== null) await out.note(`${page.items.length} shown, more exist: see more with --limit N`);
}

function addContentReaders(content: Command, io: Io): void {
  addLeaf(content, {
    usage: "info <id>",
    summary: "Show what is known of one item: length, type, tags, sha256",
    examples: ["otau content info package_acme_1-0-1.json"],
  }).action(async (id: string, _options: object, command: Command) => {
    const { api, out } = openSession(io, command);
    const item = await api.get<ContentItem>(api.productPath("content", id));
    await out.answer(item, () => out.fields(item));
  });
  addLeaf(content, {
    usage: "download <id>",
    summary: "Fetch the bytes of one item, to stdout or into a file",
    examples: ["otau content download firmware/1.0.1.bin -o firmware.bin"],
  })
    .option("-o, --output <file>", "write here instead of stdout")
    .action((id: string, options: DownloadOptions, command: Command) =>
      downloadContent(openSession(io, command), id, options),
    );
  addLeaf(content, {
    usage: "delete <id>",
    summary: "Delete one item",
    examples: ["otau content delete firmware/1.0.1.bin"],
  }).action(async (id: string, _options: object, command: Command) => {
    const { api, out } = openSession(io, command);
    await api.send("DELETE", api.productPath("content", id));
    await out.answer({ id, deleted: true }, () => out.line(`${id} deleted`));
  });
}

async function downloadContent(session: Session, id: string, { output }: DownloadOptions): Promise<void> {
  const { api, out, io } = session;
  if (output === undefined && out.isJson)
    throw usageError("--json needs -o FILE: the bytes themselves are no JSON");
  const response = await api.open(`${api.productPath("content", id)}/data`);
  if (output === undefined) {
    for await (const chunk of bodyOf(response)) await out.raw(chunk);
    return;
  }
  const path = resolve(io.workingDir, output);
  const length = await saveBody(response, path, io.signal);
  await out.answer({ id, file: path, length }, () => out.line(`${id} saved as ${output}, ${length} bytes`));
}

/** Saves beside the file and renames, so that a broken download never stands under the name asked for. */
async function saveBody(response: Response, path: string, signal: AbortSignal): Promise<number> {
  const partial = `${path}.part`;
  let length = 0;
  try {
    await pipeline(
      bodyOf(response),
      async function* count(chunks: AsyncIterable<Uint8Array>) {
        for await (const chunk of chunks) {
          length += chunk.byteLength;
          yield chunk;
        }
      },
      createWriteStream(partial),
      { signal },
    );
    await rename(partial, path);
    return length;
  } catch (cause) {
    await rm(partial, { force: true });
    if (signal.aborted) throw cause;
    throw new CliError(`${path} was not saved: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}

function bodyOf(response: Response): AsyncIterable<Uint8Array> {
  return response.body === null ? Readable.from([]) : Readable.fromWeb(response.body);
}
