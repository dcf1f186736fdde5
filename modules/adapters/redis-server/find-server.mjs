// Plain JavaScript without dependencies: scripts/setup.mjs reads it before anything is installed, on Node 18 too.
import { accessSync, constants, existsSync, readdirSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Programs that speak Redis' protocol and keep an append-only file, best known first. */
export const serverNames = /** @type {const} */ (["valkey-server", "redis-server", "keydb-server"]);

/**
 * A server program on this machine. `libraryDirs` are for the child's LD_LIBRARY_PATH alone:
 * a fetched server brings its own libraries, an installed one needs none.
 *
 * @typedef {{ readonly command: string, readonly name: string, readonly libraryDirs: readonly string[] }} ServerProgram
 */

/** @param {string} path */
function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Folders `usr/lib/<triplet>` and `lib/<triplet>` of an unpacked tree, and their parents. @param {string} root */
function libraryDirsOf(root) {
  return [join(root, "usr", "lib"), join(root, "lib")].filter(existsSync).flatMap((folder) => {
    const below = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return [...below.map((entry) => join(folder, entry.name)), folder];
  });
}

/**
 * A server in an unpacked tree such as `.otau/redis`; a program laid straight into the folder counts too.
 *
 * @param {string} root
 * @returns {ServerProgram | undefined}
 */
export function findServerIn(root) {
  for (const name of serverNames) {
    for (const command of [join(root, "usr", "bin", name), join(root, "bin", name), join(root, name)]) {
      if (isProgram(command)) return { command, name, libraryDirs: libraryDirsOf(root) };
    }
  }
  return undefined;
}

/**
 * The server this machine offers: on the search path first, else in the project's own folder.
 *
 * @param {{ readonly path: string | undefined, readonly fetchedDir: string }} where
 * @returns {ServerProgram | undefined}
 */
export function findServer({ path, fetchedDir }) {
  const folders = (path ?? "").split(delimiter).filter((folder) => folder !== "");
  for (const name of serverNames) {
    for (const folder of folders) {
      const command = join(folder, name);
      if (isProgram(command)) return { command, name, libraryDirs: [] };
    }
  }
  return findServerIn(fetchedDir);
}

/**
 * The environment a server is started with. Only LD_LIBRARY_PATH is added, and only for a fetched server.
 *
 * @param {ServerProgram} server
 * @param {NodeJS.ProcessEnv} env
 * @returns {NodeJS.ProcessEnv}
 */
export function serverEnv(server, env) {
  if (server.libraryDirs.length === 0) return env;
  const inherited = env["LD_LIBRARY_PATH"];
  const dirs =
    inherited === undefined || inherited === "" ? server.libraryDirs : [...server.libraryDirs, inherited];
  return { ...env, LD_LIBRARY_PATH: dirs.join(":") };
}
