import { stripVTControlCharacters } from "node:util";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type ApiStandIn, refusal, startApiStandIn } from "./support/api-stand-in.ts";
import { type Outcome, runOtau, type World } from "./support/run-otau.ts";

type Step = { readonly state: string; readonly totals: object; readonly updates: readonly object[] };

const base = "/products/default/deployments/dep_1";
const running: Step = {
  state: "running",
  totals: { total: 2, waiting: 1, downloading: 1 },
  updates: [
    { id: "u1", identity: "gw-1", state: "downloading", status: "DOWNLOAD_STEP", message: "50%", attempt: 1 },
    { id: "u2", identity: "gw-2", state: "waiting" },
  ],
};
const done: Step = {
  state: "finished",
  totals: { total: 2, succeeded: 1, skipped: 1 },
  updates: [
    { id: "u1", identity: "gw-1", state: "succeeded", status: "INSTALLED_VERSION", attempt: 1 },
    { id: "u2", identity: "gw-2", state: "skipped", reason: "ALREADY_INSTALLED" },
  ],
};

let api: ApiStandIn;

beforeEach(async () => {
  api = await startApiStandIn();
});
afterEach(() => api[Symbol.asyncDispose]());

/** Every look at the deployment moves it one step on; it stays at the last. */
function play(...steps: readonly Step[]): void {
  let at = -1;
  api.on(`GET ${base}`, () => {
    at = Math.min(at + 1, steps.length - 1);
    const { state, totals } = steps[at] ?? running;
    return { json: { id: "dep_1", packageId: "package_a", version: "1.0.1", state, totals } };
  });
  api.on(`GET ${base}/updates`, () => ({ json: { items: steps[at]?.updates ?? [], next: null } }));
}

function watch(args: readonly string[], world: World = {}): Promise<Outcome> {
  return runOtau(["watch", ...args, "--interval", "1"], {
    ...world,
    env: { OTAU_URL: api.url, ...world.env },
  });
}

it("writes one plain line for each change in a pipe", async () => {
  play(running, running, done);
  const { exitCode, stdout } = await watch(["dep_1"]);
  expect(exitCode).toBe(0);
  const at = "2027-01-31T02:00:00.000Z";
  expect(stdout.trimEnd().split("\n")).toEqual([
    `${at}  gw-1  downloading  DOWNLOAD_STEP  50%`,
    `${at}  gw-2  waiting`,
    `${at}  deployment dep_1  running  0/2  waiting 1, downloading 1`,
    `${at}  gw-1  succeeded  INSTALLED_VERSION`,
    `${at}  gw-2  skipped  ALREADY_INSTALLED`,
    `${at}  deployment dep_1  finished  2/2  succeeded 1, skipped 1`,
  ]);
});

it("takes the newest deployment when none is named", async () => {
  api.on("GET /products/default/deployments", { json: { items: [{ id: "dep_1" }], next: "more" } });
  play(done);
  expect((await watch([])).exitCode).toBe(0);
});

it("says how to make a deployment when there is none", async () => {
  api.on("GET /products/default/deployments", { json: { items: [], next: null } });
  const { exitCode, stderr } = await watch([]);
  expect(exitCode).toBe(1);
  expect(stderr).toContain("otau apply");
});

it("goes on until updates of a canceled deployment have ended too, and then fails", async () => {
  const canceled = { ...running, state: "canceled" };
  play(canceled, { ...canceled, totals: { total: 2, canceled: 2 } });
  const { exitCode, stderr } = await watch(["dep_1"]);
  expect(exitCode).toBe(1);
  expect(stderr).toContain("2 of 2 did not succeed: canceled 2");
});

it("draws a table in place on a terminal, and escape sequences of a device do not reach it", async () => {
  const nasty = { id: "u1", identity: "gw-1", state: "downloading", message: "\u001b[2Jgone\nfake" };
  play({ ...running, updates: [nasty] }, done);
  const { stdout } = await watch(["dep_1"], { isTerminal: true });
  expect(stdout).not.toContain("\u001b[2J");
  expect(stripVTControlCharacters(stdout)).toContain("�[2Jgone�fake");
  expect(stdout).toContain("\r\u001b[0J");
  expect(stdout).toContain("\u001b[32m");
});

it("uses no colour where NO_COLOR is set", async () => {
  play(done);
  const { stdout } = await watch(["dep_1"], { isTerminal: true, env: { NO_COLOR: "1" } });
  expect(stdout).not.toContain("\u001b[3");
  expect(stdout).toContain("succeeded 1, skipped 1");
});

it("writes one JSON line for each change of the deployment", async () => {
  play(running, running, done);
  const { stdout } = await watch(["dep_1", "--json"]);
  const states = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).state);
  expect(states).toEqual(["running", "finished"]);
});

it("asks only for what runs or failed when there are many updates", async () => {
  play({ ...done, totals: { total: 5000, succeeded: 5000 } });
  await watch(["dep_1"]);
  const asked = api.seen.find((request) => request.path.endsWith("/updates"));
  expect(asked?.query.getAll("state")).toContain("failed");
  expect(asked?.query.getAll("state")).not.toContain("succeeded");
});

it("waits for a server that is away for a while", async () => {
  play(running, done);
  let looks = 0;
  const updates = { json: { items: [], next: null } };
  api.on(`GET ${base}/updates`, () => {
    looks += 1;
    return looks === 2 ? refusal(503, "STORE_UNAVAILABLE", "The store is away.") : updates;
  });
  expect((await watch(["dep_1"])).exitCode).toBe(0);
});

it("fails at once for a deployment that does not exist", async () => {
  const { exitCode, stderr } = await watch(["dep_9"]);
  expect(exitCode).toBe(1);
  expect(stderr).toContain("NOT_FOUND");
  expect(stderr).toContain("otau deployments");
});

it("ends when the user stops it", async () => {
  play(running);
  const stop = new AbortController();
  const ended = watch(["dep_1"], { signal: stop.signal });
  stop.abort();
  expect((await ended).exitCode).toBe(130);
});
