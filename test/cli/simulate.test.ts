import { Command } from "commander";
import { afterEach, beforeEach, expect, it } from "vitest";
import { CliError } from "../../modules/cli/cli-error.ts";
import { addSimulate } from "../../modules/cli/commands/simulate.ts";
import type { FleetOptions, FleetRunner } from "../../modules/cli/fleet-runner.ts";
import { type ApiStandIn, startApiStandIn } from "./support/api-stand-in.ts";
import { makeIo } from "./support/run-otau.ts";

const applyRoute = "POST /products/default/packages/package_a/apply";
const result = { succeeded: 1, failed: 1 };

let api: ApiStandIn;

beforeEach(async () => {
  api = await startApiStandIn();
  const items = [{ identity: "sim-1" }, { identity: "sim-2" }];
  api.on("GET /products/default/devices", { json: { items, next: null } });
});
afterEach(() => api[Symbol.asyncDispose]());

/** Runs `otau simulate ARGS` with a fleet of the test's own. */
async function simulate(
  args: readonly string[],
  runFleet: FleetRunner,
): Promise<{ stdout: string; stderr: string }> {
  const { io, stdout, stderr } = makeIo({ env: { OTAU_URL: api.url, OTAU_TOKEN: "t" } });
  const program = new Command().exitOverride();
  addSimulate(program, io, async () => runFleet);
  await program.parseAsync(["simulate", "--devices", "2", ...args], { from: "user" });
  return { stdout: stdout.text(), stderr: stderr.text() };
}

it("hands the fleet all it needs, and tells progress and the end", async () => {
  let given: FleetOptions | undefined;
  const { stdout, stderr } = await simulate(
    ["--profile", "flaky", "--step-delay", "5", "--device-url", "http://d:1/"],
    async (options) => {
      given = options;
      options.onProgress({ running: 1, succeeded: 1, failed: 0 });
      return result;
    },
  );
  const { signal: _signal, onProgress: _onProgress, ...rest } = given ?? {};
  expect(rest).toEqual({
    apiUrl: api.url,
    token: "t",
    productId: "default",
    deviceUrl: "http://d:1",
    count: 2,
    profile: "flaky",
    prefix: "sim-",
    stepDelayMs: 5,
  });
  expect(stdout).toBe("succeeded 1, failed 1\n");
  expect(stderr).toContain("1/2 running 1, succeeded 1");
});

/** Runs until it is told to stop, as real devices do. */
const untilStopped: FleetRunner = async ({ signal }) => {
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  return result;
};

it("applies the package to the devices once they are there, and ends when it has settled", async () => {
  const deployment = { id: "dep_1", state: "running", totals: { total: 2, waiting: 2 } };
  const totals = { total: 2, succeeded: 1, failed: 1 };
  api.on(applyRoute, { status: 202, json: { deployment } });
  api.on("GET /products/default/deployments/dep_1", { json: { ...deployment, state: "finished", totals } });
  const { stdout, stderr } = await simulate(["--package", "package_a"], untilStopped);
  const request = api.seen.find(({ method }) => method === "POST");
  expect(JSON.parse(request?.text ?? "")).toEqual({ devices: ["sim-1", "sim-2"] });
  expect(stderr).toContain("deployment dep_1 brings package_a to 2 devices");
  expect(stdout).toBe("succeeded 1, failed 1\ndeployment dep_1 finished: succeeded 1, failed 1\n");
});

it("ends the fleet when the apply is refused, and says why", async () => {
  const refused = simulate(["--package", "package_b"], untilStopped);
  await expect(refused).rejects.toBeInstanceOf(CliError);
  await expect(refused).rejects.toThrow("NOT_FOUND");
});

it("passes on that the fleet itself failed", async () => {
  const failing = simulate([], async () => {
    throw new CliError("no device listener");
  });
  await expect(failing).rejects.toThrow("no device listener");
});
