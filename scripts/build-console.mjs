// Builds the operator console into assets/dist when it is missing or older than what it is made of. A start never
// fails for want of it: the server works without.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const buildMaxMs = 60_000;

/** @param {string} path @returns {number} */
function newestChange(path) {
  const own = statSync(path);
  if (!own.isDirectory()) return own.mtimeMs;
  return readdirSync(path).reduce((newest, name) => Math.max(newest, newestChange(join(path, name))), 0);
}

/**
 * True where the built page is newer than all it is made of.
 *
 * @param {string} root folder of the project
 */
export function isConsoleFresh(root) {
  const page = join(root, "assets", "dist", "index.html");
  if (!existsSync(page)) return false;
  const builtAt = statSync(page).mtimeMs;
  // The console runs the domain's own package rules, and the lockfile says with which libraries.
  const sources = ["assets/console", "modules/otau", "package-lock.json"];
  return sources.every((source) => newestChange(join(root, source)) <= builtAt);
}

/**
 * Builds the console if needed; answers why it could not, undefined if all is well.
 *
 * @param {string} root folder of the project
 * @returns {string | undefined}
 */
export function buildConsole(root) {
  try {
    const hasConsole = existsSync(join(root, "assets", "console", "index.html"));
    if (!hasConsole || isConsoleFresh(root)) return undefined;
    // The Node of the project: the one that runs this may be too old for the builder.
    const node = join(root, "node_modules", ".bin", process.platform === "win32" ? "node.cmd" : "node");
    const vite = join(root, "node_modules", "vite", "bin", "vite.js");
    const args = [vite, "build", join(root, "assets", "console"), "--logLevel", "warn"];
    const { status, error } = spawnSync(existsSync(node) ? node : process.execPath, args, {
      cwd: root,
      stdio: ["ignore", "ignore", "pipe"],
      timeout: buildMaxMs,
      encoding: "utf8",
    });
    if (status === 0) return undefined;
    return `the console could not be built (${error?.message ?? `vite ended with ${status}`}); npm run console says more`;
  } catch (error) {
    return `the console could not be built (${error instanceof Error ? error.message : error})`;
  }
}

const self = fileURLToPath(import.meta.url);
if (process.argv[1] === self) {
  const trouble = buildConsole(join(dirname(self), ".."));
  if (trouble !== undefined) {
    process.stderr.write(`otau: ${trouble}\n`);
    process.exitCode = 1;
  }
}
