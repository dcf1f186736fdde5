import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

const types: Readonly<Record<string, string>> = {
  "swagger-ui.css": "text/css; charset=utf-8",
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
};

/** One of the two files of Swagger UI that a page needs, with its media type; undefined for any other name. */
export function openDocsFile(name: string): { readonly type: string; readonly bytes: Readable } | undefined {
  const type = Object.hasOwn(types, name) ? types[name] : undefined;
  if (type === undefined) return undefined;
  const path = fileURLToPath(import.meta.resolve(`swagger-ui-dist/${name}`));
  return { type, bytes: createReadStream(path) };
}
