import { extname } from "node:path";

const typeByExtension: Readonly<Record<string, string>> = {
  ".bin": "application/octet-stream",
  ".bz2": "application/x-bzip2",
  ".cbor": "application/cbor",
  ".css": "text/css",
  ".csv": "text/csv",
  ".deb": "application/vnd.debian.binary-package",
  ".gz": "application/gzip",
  ".htm": "text/html",
  ".html": "text/html",
  ".jpeg": "image/jpeg",
  ".jpg": "image/jpeg",
  ".js": "text/javascript",
  ".json": "application/json",
  ".lua": "text/x-lua",
  ".md": "text/markdown",
  ".pdf": "application/pdf",
  ".pem": "application/x-pem-file",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".tar": "application/x-tar",
  ".tgz": "application/gzip",
  ".txt": "text/plain",
  ".xml": "application/xml",
  ".xz": "application/x-xz",
  ".yaml": "application/yaml",
  ".yml": "application/yaml",
  ".zip": "application/zip",
  ".zst": "application/zstd",
};

/** The MIME type by a file name's extension; bytes of no known kind otherwise. */
export function mimeTypeOf(fileName: string): string {
  return typeByExtension[extname(fileName).toLowerCase()] ?? "application/octet-stream";
}
