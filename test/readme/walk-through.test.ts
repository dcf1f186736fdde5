import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasRealServer } from "../support/test-server.ts";
import { normalise, playSteps, readSteps, type Server, startServer, writeOutputs } from "./walk-through.ts";

const steps = readSteps();

describe("the walk-through of README.md", () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer(hasRealServer ? "own" : "trial");
  });
  afterAll(() => server.stop());

  it("is typed with an npx that finds the command line of the clone", { timeout: 60_000 }, async () => {
    const { stdout } = await promisify(execFile)("npx", ["otau", "--help"]);
    expect(stdout).toContain("Usage: otau");
  });

  it("prints what stands below its commands", { timeout: 120_000 }, async () => {
    expect(steps.length).toBeGreaterThan(3);
    const outputs = await playSteps(steps, server, { quick: true });
    // `UPDATE_README=true npm test -- test/readme` takes over what is printed now; read the difference.
    if (process.env["UPDATE_README"] === "true") return writeOutputs(outputs);
    expect(outputs.map(normalise)).toEqual(steps.map(({ printed }) => normalise(printed)));
  });
});
