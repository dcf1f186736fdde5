import { afterEach, beforeEach, expect, it } from "vitest";
import { type ApiStandIn, refusal, startApiStandIn } from "./support/api-stand-in.ts";
import { type Outcome, runOtau, type World } from "./support/run-otau.ts";

const applyRoute = "POST /products/default/packages/package_a/apply";
const deployment = {
  id: "dep_1",
  packageId: "package_a",
  version: "1.0.1",
  state: "running",
  totals: { total: 2 },
};

let api: ApiStandIn;

beforeEach(async () => {
  api = await startApiStandIn();
  api.on(applyRoute, { status: 202, json: { deployment } });
});
afterEach(() => api[Symbol.asyncDispose]());

function apply(args: readonly string[], world: World = {}): Promise<Outcome> {
  return runOtau(["apply", "package_a", ...args], { ...world, env: { OTAU_URL: api.url } });
}

function sentBody(): unknown {
  return JSON.parse(api.seen[0]?.text ?? "null");
}

it("applies to named devices and sends only what was typed", async () => {
  const { exitCode, stdout, stderr } = await apply(["--device", "gw-1", "gw-2"]);
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "deployment dep_1 running, 2 devices\n" });
  expect(stderr).toContain("otau watch dep_1");
  expect(sentBody()).toEqual({ devices: ["gw-1", "gw-2"] });
});

it("applies to a target whose conditions hold together", async () => {
  await apply(["--all", "--tag", "site=berlin", "rack=7", "--installed", "1.0.0", "--installed", "0.9"]);
  expect(sentBody()).toEqual({
    target: { all: true, tags: { site: "berlin", rack: "7" }, installedVersion: ["1.0.0", "0.9"] },
  });
});

it("reads devices from what is piped in", async () => {
  await apply(["--devices-from", "-", "--device", "gw-0"], { stdin: "gw-1\r\n\n gw-2\n" });
  expect(sentBody()).toEqual({ devices: ["gw-0", "gw-1", "gw-2"] });
});

it("passes every option on under the server's name", async () => {
  const timeouts = '{"totalMs":null}';
  const typed = ["--all", "--force", "--on-active", "queue", "--confirm", "optional", "--skip-unknown"];
  await apply([...typed, "--timeouts", timeouts, "--retry", '{"maxAttempts":5}', "--idempotency-key", "k1"]);
  expect(sentBody()).toEqual({
    target: { all: true },
    onUnknown: "skip",
    options: {
      force: true,
      onActive: "queue",
      confirm: "optional",
      timeouts: { totalMs: null },
      retry: { maxAttempts: 5 },
    },
  });
  expect(api.seen[0]?.headers["idempotency-key"]).toBe("k1");
});

it("only says what would happen with --dry-run", async () => {
  api.on(applyRoute, {
    json: { total: 3, skipped: { ALREADY_INSTALLED: 1 }, sample: [], forecastMs: 61_000 },
  });
  const { stdout } = await apply(["--all", "--dry-run"]);
  expect(sentBody()).toEqual({ target: { all: true }, options: { dryRun: true } });
  expect(stdout).toBe(
    "3 devices in the target; nothing was written\n  1 would be skipped: ALREADY_INSTALLED\n  expected to take 61 s\n",
  );
});

it("names the devices that were left out", async () => {
  api.on(applyRoute, { status: 202, json: { deployment, unknown: { count: 1, identities: ["gw-9"] } } });
  expect((await apply(["--device", "gw-1", "gw-9", "--skip-unknown"])).stderr).toContain(
    "1 unknown left out: gw-9",
  );
});

it.each([
  ["no device", []],
  ["a list and a target", ["--device", "gw-1", "--all"]],
  ["an unknown policy", ["--all", "--on-active", "explode"]],
  ["options that are no JSON", ["--all", "--retry", "{"]],
  ["options that are no object", ["--all", "--retry", "[1]"]],
  ["an unknown option", ["--all", "--frobnicate"]],
])("refuses %s as wrong usage", async (_what, args) => {
  const { exitCode, stdout, stderr } = await apply(args);
  expect({ exitCode, stdout, seen: api.seen }).toEqual({ exitCode: 2, stdout: "", seen: [] });
  expect(stderr).not.toBe("");
});

it("shows wrong fields and unknown devices below the sentence", async () => {
  const errors = [{ path: "/options/retry/maxAttempts", message: "must be at least 1" }];
  api.on(applyRoute, refusal(400, "INVALID_INPUT", "The body is not valid.", { errors }));
  expect((await apply(["--all"])).stderr).toBe(
    "otau: INVALID_INPUT: The body is not valid.\n  /options/retry/maxAttempts: must be at least 1\n",
  );
  const unknown = { identities: ["gw-8", "gw-9"], count: 120 };
  api.on(applyRoute, refusal(422, "UNKNOWN_DEVICES", "120 devices are unknown.", unknown));
  const { exitCode, stderr } = await apply(["--device", "gw-8"]);
  expect(exitCode).toBe(1);
  expect(stderr).toContain("  gw-8, gw-9 and 118 more\n");
  expect(stderr).toContain("--skip-unknown");
});

it("prints the server's answer with --json, and the problem document on stderr", async () => {
  const { stdout, stderr } = await apply(["--all", "--json"]);
  expect(JSON.parse(stdout)).toEqual({ deployment });
  expect(stderr).toBe("");
  api.on(applyRoute, refusal(409, "PACKAGE_WITHDRAWN", "It is withdrawn."));
  const refused = await apply(["--all", "--json"]);
  expect(refused.stdout).toBe("");
  expect(JSON.parse(refused.stderr)).toMatchObject({ code: "PACKAGE_WITHDRAWN", status: 409 });
});

it("follows the deployment with --watch and ends as it ended", async () => {
  const totals = { total: 1, failed: 1 };
  api.on("GET /products/default/deployments/dep_1", { json: { ...deployment, state: "finished", totals } });
  const update = {
    id: "u1",
    identity: "gw-1",
    state: "failed",
    reason: "INSTALL_ERROR",
    message: "disk full",
  };
  api.on("GET /products/default/deployments/dep_1/updates", { json: { items: [update], next: null } });
  const { exitCode, stdout, stderr } = await apply(["--device", "gw-1", "--watch"]);
  expect(exitCode).toBe(1);
  expect(stdout).toContain("gw-1  failed  INSTALL_ERROR  disk full");
  expect(stderr).toContain("1 of 1 did not succeed: failed 1");
});
