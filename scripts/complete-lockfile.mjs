// Adds the packages of other platforms that a lockfile lacks. `npm install` leaves out what its registry does not
// offer, and `npm ci` then refuses the lockfile everywhere. Run it after a dependency was added.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const systems = [
  "android",
  "darwin",
  "freebsd",
  "linux",
  "netbsd",
  "openbsd",
  "openharmony",
  "sunos",
  "win32",
];
const processors = [
  "arm",
  "arm64",
  "ia32",
  "loong64",
  "mips64el",
  "ppc64",
  "riscv64",
  "s390x",
  "wasm32",
  "x64",
];

/**
 * @typedef {{ version?: string, dev?: boolean, optional?: boolean, optionalDependencies?: Record<string, string>,
 *   os?: string[], cpu?: string[], libc?: string[] }} LockEntry
 * @typedef {Record<string, LockEntry>} LockEntries
 */

/** The folder above in which a package is looked for next. @param {string} path */
const above = (path) =>
  path.includes("/node_modules/") ? path.slice(0, path.lastIndexOf("/node_modules/")) : "";

/** @param {LockEntries} entries @param {string} from @param {string} name @returns {boolean} */
function isLocked(entries, from, name) {
  const path = from === "" ? `node_modules/${name}` : `${from}/node_modules/${name}`;
  return path in entries || (from !== "" && isLocked(entries, above(from), name));
}

/**
 * Optional packages that are named but not locked, with the version asked for.
 *
 * @param {LockEntries} entries
 * @returns {readonly { readonly name: string, readonly version: string, readonly isDev: boolean }[]}
 */
export function findGaps(entries) {
  return Object.entries(entries).flatMap(([path, entry]) =>
    Object.entries(entry.optionalDependencies ?? {})
      .filter(([name]) => !isLocked(entries, path, name))
      .map(([name, version]) => ({ name, version, isDev: entry.dev === true })),
  );
}

/** The entry of a package whose name tells its platform. @param {ReturnType<typeof findGaps>[number]} gap @returns {LockEntry} */
function entryOf({ name, version, isDev }) {
  const words = (name.split("/").at(-1) ?? "").split("-");
  const os = systems.find((system) => words.includes(system));
  const cpu = processors.find((processor) => words.includes(processor));
  if (os === undefined || !/^\d/.test(version))
    throw new Error(`${name}@${version} names no platform and exact version`);
  const libc = [["musl"], ["gnu", "glibc"]]
    .find(([mark = ""]) => words.some((word) => word.startsWith(mark)))
    ?.at(-1);
  return {
    version,
    ...(cpu === undefined ? {} : { cpu: [cpu] }),
    ...(isDev ? { dev: true } : {}),
    ...(os !== "linux" || libc === undefined ? {} : { libc: [libc] }),
    optional: true,
    os: [os],
  };
}

function main() {
  const path = join(dirname(fileURLToPath(import.meta.url)), "..", "package-lock.json");
  const lock = JSON.parse(readFileSync(path, "utf8"));
  const added = findGaps(lock.packages).map((gap) => [`node_modules/${gap.name}`, entryOf(gap)]);
  const all = [...Object.entries(lock.packages), ...added];
  lock.packages = Object.fromEntries(all.sort(([left], [right]) => (left < right ? -1 : 1)));
  if (added.length > 0) writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
  process.stderr.write(`${added.length} packages of other platforms added\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
