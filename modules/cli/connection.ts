import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { usageError } from "./cli-error.ts";
import type { Io } from "./io.ts";
import { currentProfile } from "./profiles.ts";

/** Where the server is and who is asking. `url` has no trailing slash. */
export type Connection = {
  readonly url: string;
  readonly token: string | undefined;
  readonly productId: string;
};

const projectDir = fileURLToPath(new URL("../..", import.meta.url));

/**
 * Reads `OTAU_URL`, `OTAU_TOKEN`, `OTAU_PRODUCT`, and for what they leave open the login in force. Throws a usage error
 * for an address that is none.
 */
export function readConnection(io: Pick<Io, "env" | "workingDir">): Connection {
  const profile = currentProfile(io);
  const url = readUrl(io.env["OTAU_URL"] || profile?.url || "http://127.0.0.1:8080", "OTAU_URL");
  const address = url.href.replace(/\/+$/, "");
  // A token is for the server it was kept for, and no other ever sees it.
  const login = profile?.url === address ? profile : undefined;
  return {
    url: address,
    token: io.env["OTAU_TOKEN"] || login?.token || (isLoopback(url) ? localAdminToken(io) : undefined),
    productId: io.env["OTAU_PRODUCT"] || login?.productId || "default",
  };
}

/** An address of a server as typed; `name` is what the usage error calls it. */
export function readUrl(text: string, name: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw usageError(`${name} is "${text}", which is no http address`, "Set it like http://127.0.0.1:8080");
  }
  url.search = "";
  url.hash = "";
  return url;
}

function isLoopback(url: URL): boolean {
  return (
    url.hostname === "localhost" || url.hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(url.hostname)
  );
}

/** A server on this machine leaves its admin token in its data directory: the first command just works. */
function localAdminToken({ env, workingDir }: Pick<Io, "env" | "workingDir">): string | undefined {
  if (env["OTAU_ADMIN_TOKEN"]) return env["OTAU_ADMIN_TOKEN"];
  const named = env["OTAU_DATA_DIR"];
  // From a folder below the project the server's default directory is still found.
  const dirs = named ? [resolve(workingDir, named)] : [join(workingDir, "data"), join(projectDir, "data")];
  return dirs.map((dir) => readToken(join(dir, "admin-token"))).find((token) => token !== undefined);
}

function readToken(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim() || undefined;
  } catch {
    // Absent or not ours to read: the server says 401, and the hint there names the file.
    return undefined;
  }
}
