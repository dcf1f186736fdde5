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
    ["--profile", "flaky", "--device-url", "http://d:1/"],
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
  });
  expect(stdout).toBe("succeeded 1, failed 1\n");
  expect(stderr).toContain("1/2 running 1, succeeded 1");
});

it("applies the package to the devices once they are there", async () => {
  const applied = Promise.withResolvers<void>();
  api.on(applyRoute, () => {
    applied.resolve();
    return { status: 202, json: { deployment: { id: "dep_1" } } };
  });
  await simulate(["--package", "package_a"], async () => {
    await applied.promise;
    return result;
  });
  const request = api.seen.find(({ method }) => method === "POST");
  expect(JSON.parse(request?.text ?? "")).toEqual({ devices: ["sim-1", "sim-2"] });
});

it("ends the fleet when the apply is refused, and says why", async () => {
  const ending: FleetRunner = async ({ signal }) => {
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    return result;
  };
  const refused = simulate(["--package", "package_b"], ending);
  await expect(refused).rejects.toBeInstanceOf(CliError);
  await expect(refused).rejects.toThrow("NOT_FOUND");
});
