// Fetches a real server into a folder of the project by the system's package tool, without root and without
// touching the system: private package lists, private cache, nothing installed. Node 18 and no dependencies.
import { spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { findServerIn, serverEnv } from "../modules/adapters/redis-server/find-server.mjs";

/** Without a byte for this long the network counts as absent. */
const stallMs = 6_000;
/** Whatever happens, no step of the package tool takes longer. */
const stepLimitMs = 120_000;

/** Server packages, tried in order; Debian 12 keeps the binary in the tools package. */
const serverSets = [
  ["redis-server", "redis-tools"],
  ["valkey-server", "valkey-tools"],
];
/** Libraries that a slim image lacks. Names differ between releases: unknown ones are passed over. */
const firstLibraries = ["libatomic1", "libjemalloc2", "liblzf1", "libssl3", "libssl3t64"];
/** Fetched only where the linker still misses something. Never libc6: it belongs to the system's loader. */
const moreLibraries = [
  "libsystemd0",
  "libcap2",
  "libgcrypt20",
  "libgpg-error0",
  "liblz4-1",
  "liblzma5",
  "libzstd1",
  "libstdc++6",
  "libgcc-s1",
];

/** Hooks of the system's own set-up would write outside the private folder, so they are cleared. */
const privateConfig = `#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Acquire::Retries "0";
Acquire::http::Timeout "5";
Acquire::https::Timeout "5";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
Debug::NoLocking "1";
APT::Sandbox::User "";
`;

/** Bytes below a folder: how a silent download shows that it moves. @param {string} folder @returns {number} */
function bytesBelow(folder) {
  let total = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    try {
      total += entry.isDirectory() ? bytesBelow(path) : statSync(path).size;
    } catch {
      // A partial file was renamed meanwhile; the next look counts it.
    }
  }
  return total;
}

/**
 * Runs one step and ends it when nothing grows below `watched` any more.
 *
 * @param {string} command @param {readonly string[]} args @param {{ cwd: string, watched: string }} where
 * @returns {Promise<{ ok: boolean, output: string }>}
 */
function run(command, args, { cwd, watched }) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, LC_ALL: "C" },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    let output = "";
    let bytes = -1;
    let movedAt = Date.now();
    const startedAt = movedAt;
    const watch = setInterval(() => {
      const now = Date.now();
      const seen = bytesBelow(watched);
      if (seen !== bytes) movedAt = now;
      bytes = seen;
      if (now - movedAt < stallMs && now - startedAt < stepLimitMs) return;
      output += "\nno progress";
      // The package tool has fetchers of its own below it: the whole group goes.
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    }, 250);
    const done = (/** @type {boolean} */ ok) => {
      clearInterval(watch);
      resolve({ ok, output });
    };
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    child.on("error", (error) => {
      output += error.message;
      done(false);
    });
    child.on("close", (code) => done(code === 0));
  });
}

/** True where the dynamic linker finds every library. @param {import("../modules/adapters/redis-server/find-server.mjs").ServerProgram} server */
function linksWhole(server) {
  const { stdout, status } = spawnSync("ldd", [server.command], {
    env: serverEnv(server, process.env),
    encoding: "utf8",
  });
  return status === 0 && !stdout.includes("not found");
}

/** Starts the server on a private socket and asks it for a PONG. @param {import("../modules/adapters/redis-server/find-server.mjs").ServerProgram} server @returns {Promise<boolean>} */
async function answers(server) {
  const folder = mkdtempSync(join(tmpdir(), "otau-try-"));
  const socketPath = join(folder, "s");
  const args = [
    "--port",
    "0",
    "--unixsocket",
    socketPath,
    "--save",
    "",
    "--appendonly",
    "no",
    "--dir",
    folder,
    "--daemonize",
    "no",
  ];
  const child = spawn(server.command, args, { env: serverEnv(server, process.env), stdio: "ignore" });
  let failed = false;
  child.on("error", () => (failed = true));
  child.on("exit", () => (failed = true));
  try {
    for (let tries = 0; tries < 50 && !failed; tries += 1) {
      if (await ping(socketPath)) return true;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return false;
  } finally {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param {string} socketPath @returns {Promise<boolean>} */
function ping(socketPath) {
  return new Promise((resolve) => {
    const socket = createConnection(socketPath, () => socket.write("PING\r\n"));
    const end = (/** @type {boolean} */ ok) => {
      socket.destroy();
      resolve(ok);
    };
    socket.setTimeout(1000, () => end(false));
    socket.on("data", (chunk) => end(chunk.toString().startsWith("+PONG")));
    socket.on("error", () => end(false));
  });
}

/** `--version` of a server, undefined where it does not start. @param {import("../modules/adapters/redis-server/find-server.mjs").ServerProgram} server */
function versionOf(server) {
  const { stdout, status } = spawnSync(server.command, ["--version"], {
    env: serverEnv(server, process.env),
    encoding: "utf8",
  });
  return status === 0 ? (/v=([\d.]+)/.exec(stdout)?.[1] ?? stdout.trim()) : undefined;
}

/** @param {string} workDir */
function makeAptTools(workDir) {
  const folders = {
    lists: join(workDir, "lists"),
    cache: join(workDir, "cache"),
    debs: join(workDir, "debs"),
    tree: join(workDir, "tree"),
  };
  for (const folder of [
    join(folders.lists, "partial"),
    join(folders.cache, "archives", "partial"),
    folders.debs,
    folders.tree,
  ]) {
    mkdirSync(folder, { recursive: true });
  }
  const configPath = join(workDir, "apt.conf");
  writeFileSync(configPath, privateConfig);
  const options = [
    "-c",
    configPath,
    "-o",
    `Dir::State::Lists=${folders.lists}`,
    "-o",
    `Dir::Cache=${folders.cache}`,
  ];
  const apt = (/** @type {string[]} */ ...args) =>
    run("apt-get", [...options, ...args], { cwd: folders.debs, watched: workDir });
  /** Names the lists know; an unknown one would make the whole download fail. @param {readonly string[]} names */
  const known = (names) =>
    names.filter((name) => {
      const { stdout } = spawnSync("apt-cache", [...options, "--no-all-versions", "show", name], {
        encoding: "utf8",
      });
      return stdout?.startsWith("Package:") ?? false;
    });
  /** Downloads and unpacks. @param {readonly string[]} names @returns {Promise<boolean>} */
  const unpack = async (names) => {
    const wanted = known(names);
    if (wanted.length === 0) return true;
    if (!(await apt("download", ...wanted)).ok) return false;
    for (const file of readdirSync(folders.debs)) {
      if (spawnSync("dpkg-deb", ["-x", join(folders.debs, file), folders.tree]).status !== 0) return false;
      rmSync(join(folders.debs, file));
    }
    return true;
  };
  return { apt, known, unpack, tree: folders.tree };
}

/**
 * Fetches a server into `targetDir`. The folder appears whole and proven, or not at all.
 *
 * @param {{ readonly targetDir: string }} where
 * @returns {Promise<{ ok: true, version: string, name: string } | { ok: false, reason: string }>}
 */
export async function fetchRedis({ targetDir }) {
  if (process.platform !== "linux")
    return { ok: false, reason: `no package tool known for ${process.platform}` };
  for (const tool of ["apt-get", "dpkg-deb"]) {
    if (spawnSync(tool, ["--version"], { stdio: "ignore" }).status !== 0)
      return { ok: false, reason: `no ${tool} here` };
  }
  mkdirSync(dirname(targetDir), { recursive: true });
  const workDir = mkdtempSync(join(dirname(targetDir), "fetch-"));
  try {
    return await fetchInto(workDir, targetDir);
  } finally {
    rmSync(workDir, { recursive: true, force: true });
  }
}

/** @param {string} workDir @param {string} targetDir @returns {ReturnType<typeof fetchRedis>} */
async function fetchInto(workDir, targetDir) {
  const { apt, known, unpack, tree } = makeAptTools(workDir);
  const update = await apt("update");
  const set = serverSets.find((names) => known(names).length > 0);
  if (set === undefined) {
    return {
      ok: false,
      reason: update.ok
        ? "the package lists know no server"
        : "the package lists cannot be read, is there a network?",
    };
  }
  if (!(await unpack(set)) || !(await unpack(firstLibraries)))
    return { ok: false, reason: "a package could not be downloaded" };
  let server = findServerIn(tree);
  if (server !== undefined && !linksWhole(server)) {
    await unpack(moreLibraries);
    server = findServerIn(tree);
  }
  const version = server === undefined ? undefined : versionOf(server);
  if (server === undefined || version === undefined)
    return { ok: false, reason: "the fetched server does not start" };
  if (!(await answers(server))) return { ok: false, reason: "the fetched server does not answer" };
  if (!existsSync(targetDir)) renameSync(tree, targetDir);
  return { ok: true, version, name: server.name };
}
