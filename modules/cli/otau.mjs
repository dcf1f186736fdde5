#!/usr/bin/env node
// Plain JavaScript, so that any Node can read it: an old one hands over to the Node that the project brings.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The first Node that runs the TypeScript sources as they are. */
const neededVersion = { major: 22, minor: 18 };

/** @param {string} version */
function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > neededVersion.major || (major === neededVersion.major && minor >= neededVersion.minor);
}

/** The Node among the project's own packages. @returns {string | undefined} */
function findOwnNode() {
  const places = ["../../node_modules/node/bin/node", "../../node_modules/.bin/node"];
  return places.map((place) => fileURLToPath(new URL(place, import.meta.url))).find(existsSync);
}

/** @param {string} node */
function runWith(node) {
  const program = fileURLToPath(new URL("./main.ts", import.meta.url));
  const child = spawn(node, [program, ...process.argv.slice(2)], { stdio: "inherit" });
  // A terminal sends Ctrl-C to both; the child decides when to end, and this process ends with it.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  child.on("error", (error) => fail(`${node} does not start: ${error.message}; run npm ci again`));
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? (signal === "SIGINT" ? 130 : 143);
  });
}

/** @param {string} sentence */
function fail(sentence) {
  process.stderr.write(`otau: ${sentence}\n`);
  process.exitCode = 1;
}

if (isNewEnough(process.versions.node)) {
  await import("./main.ts");
} else {
  const node = findOwnNode();
  const needed = `${neededVersion.major}.${neededVersion.minor}`;
  if (node === undefined) {
    fail(`Node ${process.versions.node} is too old, ${needed} is needed; run npm ci, which brings one along`);
  } else runWith(node);
}
