import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type ApiStandIn, refusal, startApiStandIn } from "./support/api-stand-in.ts";
import { type Outcome, runOtau } from "./support/run-otau.ts";

let api: ApiStandIn;
let dir: string;

beforeEach(async () => {
  api = await startApiStandIn();
  api.on("GET /products/default/packages", { json: { items: [], next: null } });
  dir = await mkdtemp(join(tmpdir(), "otau-cli-"));
});
afterEach(async () => {
  await api[Symbol.asyncDispose]();
  await rm(dir, { recursive: true });
});

async function writeAdminToken(folder: string, token: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "admin-token"), `${token}\n`);
}

function authorization(): string | undefined {
  return api.seen.at(-1)?.headers.authorization;
}

it("reads the admin token that a server on this machine leaves in its data directory", async () => {
  await writeAdminToken(join(dir, "data"), "from-default");
  await writeAdminToken(join(dir, "elsewhere"), "from-named");
  await runOtau(["packages"], { workingDir: dir, env: { OTAU_URL: api.url } });
  expect(authorization()).toBe("Bearer from-default");
  await runOtau(["packages"], { workingDir: dir, env: { OTAU_URL: api.url, OTAU_DATA_DIR: "elsewhere" } });
  expect(authorization()).toBe("Bearer from-named");
  await runOtau(["packages"], { workingDir: dir, env: { OTAU_URL: api.url, OTAU_TOKEN: "named" } });
  expect(authorization()).toBe("Bearer named");
});

it("says that nobody listens, and what to do", async () => {
  const { url } = api;
  await api[Symbol.asyncDispose]();
  const { exitCode, stderr } = await runOtau(["packages"], { env: { OTAU_URL: url } });
  expect({ exitCode, stderr }).toEqual({
    exitCode: 1,
    stderr: `otau: no server at ${url}; start one with npm start or set OTAU_URL\n`,
  });
});

it("refuses an address that is none", async () => {
  const { exitCode, stderr } = await runOtau(["packages"], { env: { OTAU_URL: "localhost:8080" } });
  expect(exitCode).toBe(2);
  expect(stderr).toContain("localhost:8080");
});

it("keeps a path before the API, as behind a proxy", async () => {
  await runOtau(["packages"], { env: { OTAU_URL: `${api.url}/ota/` } });
  expect(api.seen[0]?.path).toBe("/ota/api/v1/products/default/packages");
});

it.each([
  ["a page that is no list", { json: { hello: "world" } }],
  ["a page of HTML", { bytes: Buffer.from("<html>") }],
  ["an error of a proxy", { status: 502, bytes: Buffer.from("<html>") }],
])("doubts the address when it gets %s", async (_what, reply) => {
  api.on("GET /products/default/packages", reply);
  const { exitCode, stderr } = await runOtau(["packages"], { env: { OTAU_URL: api.url } });
  expect(exitCode).toBe(1);
  expect(stderr).toContain("OTAU_URL");
  expect(stderr).not.toContain("should not have happened");
});

it("says when to come back", async () => {
  const later = refusal(429, "RATE_LIMITED", "Too many requests.");
  api.on("GET /products/default/packages", { ...later, headers: { "retry-after": "7" } });
  expect((await runOtau(["packages"], { env: { OTAU_URL: api.url } })).stderr).toContain("Try again in 7 s.");
});

it("points to the token when it is not valid", async () => {
  api.on("GET /products/default/packages", refusal(401, "UNAUTHORIZED", "A valid token is needed."));
  expect((await runOtau(["packages"], { env: { OTAU_URL: api.url } })).stderr).toContain("OTAU_TOKEN");
});

it("prints help with examples for every command, and exits with 0", async () => {
  const commands = [
    "content upload",
    "content list",
    "content info",
    "content download",
    "content delete",
    "packages",
  ];
  const others = [
    "apply",
    "watch",
    "devices",
    "deployments",
    "history",
    "why",
    "token",
    "simulate",
    "devices add",
  ];
  for (const command of [...commands, ...others]) {
    const { exitCode, stdout } = await runOtau([...command.split(" "), "--help"]);
    expect({ command, exitCode }).toEqual({ command, exitCode: 0 });
    expect(stdout).toContain("Examples:\n  $ otau");
  }
});

it.each([
  [[]],
  [["frobnicate"]],
  [["apply"]],
  [["devices", "list", "--limit", "0"]],
  [["simulate", "--profile", "x"]],
])("takes %j as wrong usage", async (args) => {
  const { exitCode, stdout, stderr } = await runOtau(args);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  expect(stderr).not.toBe("");
});

it("draws a framed table on a terminal that fits its width", async () => {
  const otau_info = {
    vendor: "A".repeat(80),
    config_otau: { version: "1.0.1", type: "FILE", name: "N".repeat(80) },
  };
  const items = [{ id: "package_a", valid: true, state: "available", otau_info }];
  api.on("GET /products/default/packages", { json: { items, next: null } });
  const world = { env: { OTAU_URL: api.url, NO_COLOR: "1" }, isTerminal: true, columns: 100 };
  const { stdout } = await runOtau(["packages"], world);
  expect(stdout).toContain("┌");
  expect(stdout).toContain("…");
  expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
});

it("runs as a program, with the exit code of the shell's habits", async () => {
  expect(await runProgram(["--version"])).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
  });
  expect(await runProgram(["packages", "--json"])).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('"items": []'),
  });
  expect(await runProgram(["apply", "package_a"])).toMatchObject({ exitCode: 2, stdout: "" });
});

async function runProgram(args: readonly string[]): Promise<Outcome> {
  const program = join(import.meta.dirname, "../../modules/cli/otau.mjs");
  const child = spawn(process.execPath, [program, ...args], { env: { OTAU_URL: api.url }, cwd: dir });
  const ended = new Promise<number>((resolve) => child.on("close", (code) => resolve(code ?? -1)));
  const [stdout, stderr, exitCode] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { exitCode, stdout, stderr };
}
