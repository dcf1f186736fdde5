import { randomBytes } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { StartupError } from "./startup-error.ts";

/** The first administrator's token, and where its reader finds it: undefined where a setting gave it. */
export type AdminToken = {
  readonly token: string;
  readonly path: string | undefined;
  readonly isNew: boolean;
};

const shortest = 32;

function readToken(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** A link makes the file whole or not at all, and two first starts at once agree on one token. */
function createToken(path: string): boolean {
  const asidePath = `${path}.${randomBytes(6).toString("hex")}`;
  writeFileSync(asidePath, `${randomBytes(32).toString("base64url")}\n`, { mode: 0o600 });
  try {
    linkSync(asidePath, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(asidePath, { force: true });
  }
}

/**
 * The admin token: the setting's, else the one in `<data dir>/admin-token` (mode 0600), generated at the first start.
 *
 * @throws StartupError when the file holds something too short to be a token.
 */
export function resolveAdminToken(config: {
  readonly adminToken: string | undefined;
  readonly dataDir: string;
}): AdminToken {
  if (config.adminToken !== undefined) return { token: config.adminToken, path: undefined, isNew: false };
  const path = join(config.dataDir, "admin-token");
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  const isNew = readToken(path) === undefined && createToken(path);
  const token = readToken(path) ?? "";
  if (token.length < shortest) {
    throw new StartupError(
      `${path} holds ${token.length} characters, a token has at least ${shortest}: delete the file to have a new one generated`,
    );
  }
  return { token, path, isNew };
}
