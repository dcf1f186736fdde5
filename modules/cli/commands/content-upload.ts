import { openAsBlob } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import type { Command } from "commander";
import { CliError, usageError } from "../cli-error.ts";
import type { Io } from "../io.ts";
import { addLeaf } from "../leaf.ts";
import { mimeTypeOf } from "../mime-types.ts";
import { parsePairs } from "../parsing.ts";
import { openSession, type Session } from "../session.ts";
import type { ContentItem } from "../shapes.ts";
import { uploadRequest } from "../upload-request.ts";

type UploadOptions = { readonly tags?: readonly string[]; readonly type?: string };

/** Adds `content upload`. */
export function addContentUpload(content: Command, io: Io): void {
  addLeaf(content, {
    usage: "upload <file>",
    summary:
      "Upload a file with its tags. The id is the file's name; a tag called name gives another. " +
      "A package is nothing but its tags: a file that starts with package_ need not exist.",
    examples: [
      "otau content upload package_acme_1-0-1.json --tags otau_info=%7B%22vendor%22%3A…",
      "otau content upload firmware-1.0.1.bin --tags name=firmware/1.0.1.bin board=rev2",
    ],
  })
    .option("--tags <key=value...>", "tags to keep with it; the value is kept as typed")
    .option("--type <mime>", "MIME type; else by the file's extension")
    .action((file: string, options: UploadOptions, command: Command) =>
      uploadContent(openSession(io, command), file, options),
    );
}

async function uploadContent({ api, out, io }: Session, file: string, options: UploadOptions): Promise<void> {
  const tags = parsePairs("--tags", options.tags ?? []);
  const name = basename(file);
  const id = tags["name"] ?? name;
  const type = options.type ?? mimeTypeOf(name);
  if (!/^[\w.+-]+\/[\w.+-]+(\s*;.*)?$/.test(type)) throw usageError(`--type "${type}" is no MIME type`);
  const bytes = await readBytes(resolve(io.workingDir, file), name, type);
  if (bytes === undefined) await out.note(`${file} does not exist; ${id} is uploaded with zero bytes`);
  const item = await api.send<ContentItem>(
    "PUT",
    api.productPath("content", id),
    uploadRequest(tags, bytes ?? new Blob([]), type, name),
  );
  await out.answer(item, async () => {
    await out.line(
      `${id}  ${item.length ?? 0} bytes${item.sha256 === undefined ? "" : `  sha256 ${item.sha256}`}`,
    );
    await tellValidity(out, item);
  });
}

/** The file's bytes, read while they are sent; undefined for a package that is nothing but its tags. */
async function readBytes(path: string, name: string, type: string): Promise<Blob | undefined> {
  try {
    const found = await stat(path);
    if (!found.isFile()) throw new CliError(`${path} is not a file`);
    return await openAsBlob(path, { type });
  } catch (cause) {
    if (cause instanceof CliError) throw cause;
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
    if (code === "ENOENT" && name.startsWith("package_")) return undefined;
    if (code === "ENOENT") throw new CliError(`there is no file ${path}`, { cause });
    throw new CliError(`${path} cannot be read: ${code || String(cause)}`, { cause });
  }
}

async function tellValidity(out: Session["out"], item: ContentItem): Promise<void> {
  if (item.valid === undefined) return;
  if (item.valid)
    return out.line(`${out.colour("valid", "green")} package; apply it with: otau apply ${item.id} --all`);
  await out.line(`${out.colour("invalid", "red")} package, it cannot be applied:`);
  for (const { path, message } of item.problems ?? []) await out.line(`  ${path || "/"}: ${message}`);
}
