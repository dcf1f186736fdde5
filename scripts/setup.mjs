// Makes a fresh clone ready, before `npm start` and `npm test`: dependencies, then a store to run on.
// Runs on whatever Node is there (18 or later), needs no dependency, and never makes the command that follows fail
// for want of a server: there is always the trial store.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findServer } from "../modules/adapters/redis-server/find-server.mjs";
import { buildConsole } from "./build-console.mjs";
import { fetchRedis } from "./fetch-redis.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** @param {string} line */
const say = (line) => process.stderr.write(`otau setup: ${line}\n`);

/** @param {string} path @returns {Record<string, { version?: string, optional?: boolean, devOptional?: boolean, link?: boolean }> | undefined} */
function readLock(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8")).packages;
  } catch {
    return undefined;
  }
}

/**
 * True where every package of the lockfile lies in node_modules at its version. Contents are compared, not times:
 * a checkout touches files without changing them, and installing anew under a running process breaks it.
 *
 * @param {string} folder
 */
export function isInstalled(folder) {
  const wanted = readLock(join(folder, "package-lock.json"));
  const present = readLock(join(folder, "node_modules", ".package-lock.json"));
  if (wanted === undefined) return true;
  if (present === undefined) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === "" || entry.link === true) return true;
    const found = present[path];
    // Optional packages of other platforms are rightly absent.
    if (found === undefined) return entry.optional === true || entry.devOptional === true;
    return found.version === entry.version;
  });
}

/** @returns {boolean} */
function installDependencies() {
  say("installing the dependencies (npm ci)");
  const npm = process.env["npm_execpath"];
  const [command, first] = npm?.endsWith("js") ? [process.execPath, [npm]] : ["npm", []];
  // Development dependencies bring the Node that everything runs on, also where NODE_ENV says production.
  const args = [...first, "ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"];
  const { status } = spawnSync(command, args, {
    cwd: root,
    stdio: ["ignore", process.stderr, process.stderr],
  });
  return status === 0;
}

/** What the server will read too; only names and plain values matter here. @returns {NodeJS.ProcessEnv} */
function readEnvFile() {
  try {
    const lines = readFileSync(join(root, ".env"), "utf8").split("\n");
    return Object.fromEntries(
      lines.flatMap((line) => {
        const [, name, value] = /^\s*(?:export\s+)?([A-Z_]+)\s*=\s*["']?([^"'#]*)/.exec(line) ?? [];
        return name === undefined || value === undefined ? [] : [[name, value.trim()]];
      }),
    );
  } catch {
    return {};
  }
}

/** @param {NodeJS.ProcessEnv} env */
async function prepareStore(env) {
  if ((env["REDIS_URL"] ?? "") !== "" || (env["REDIS_URL_FILE"] ?? "") !== "") return;
  if (env["OTAU_STORE"] === "trial" || env["OTAU_STORE"] === "external") return;
  const fetchedDir = join(root, ".otau", "redis");
  if (findServer({ path: env["PATH"], fetchedDir }) !== undefined) return;
  const trial =
    "the trial store will be used (the last seconds may be lost); set REDIS_URL or install redis-server";
  if (["1", "true"].includes(env["OTAU_NO_FETCH"] ?? "")) {
    say(`no Redis here and OTAU_NO_FETCH is set: ${trial}`);
    return;
  }
  const result = await fetchRedis({ targetDir: fetchedDir });
  say(
    result.ok
      ? `fetched ${result.name} ${result.version} into .otau/redis (nothing was installed on the system; OTAU_NO_FETCH=1 says no)`
      : `no Redis here and none could be fetched (${result.reason}): ${trial}`,
  );
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** A lock without its pid is being written at this moment, unless it is old. @param {string} lockPath */
function isLeftBehind(lockPath) {
  try {
    const holder = Number(readFileSync(lockPath, "utf8"));
    return holder > 0 ? !isAlive(holder) : Date.now() - statSync(lockPath).mtimeMs > 10_000;
  } catch {
    return false;
  }
}

/** Two commands started at once must not install over each other. @param {() => Promise<void>} work */
async function alone(work) {
  const lockPath = join(root, ".otau", "setup.lock");
  mkdirSync(dirname(lockPath), { recursive: true });
  for (;;) {
    try {
      writeFileSync(lockPath, String(process.pid), { flag: "wx" });
      break;
    } catch {
      if (isLeftBehind(lockPath)) rmSync(lockPath, { force: true });
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
  try {
    await work();
  } finally {
    rmSync(lockPath, { force: true });
  }
}

async function main() {
  await alone(async () => {
    if (!isInstalled(root) && !installDependencies()) {
      say("npm ci failed, see above; mend that and run the command again");
      process.exitCode = 1;
      return;
    }
    const trouble = buildConsole(root);
    if (trouble !== undefined) say(`${trouble}; the server runs without its console`);
    try {
      await prepareStore({ ...readEnvFile(), ...process.env });
    } catch (error) {
      say(
        `no Redis could be prepared (${error instanceof Error ? error.message : error}); the trial store will be used`,
      );
    }
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
