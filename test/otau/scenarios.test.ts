import { describe, expect, it } from "vitest";
import { loadScenarios, scenarioSchema } from "../support/scenario.ts";
import { openDomainWorld } from "../support/scenario-domain.ts";
import { playScenario } from "../support/scenario-runner.ts";

const scenarios = loadScenarios();

describe("the domain, by the contract's recorded scenarios", () => {
  it("has many scenarios, each with a name of its own", () => {
    const names = scenarios.map(([, { name }]) => name);
    expect(names.length).toBeGreaterThan(200);
    expect(new Set(names).size).toBe(names.length);
  });

  it.each([
    { update: { state: "waiting" } },
    { update: { deadlineAt: 604_800_001 } },
    { update: { reason: "CANCELED" } },
    { update: { deliveredAt: 0 } },
    { totals: { waiting: 1 } },
    { config: null },
    { device: { drifted: true } },
    { line: { kind: "report" } },
    { lines: [] },
    { deploymentState: "paused" },
    { refused: "NOT_FOUND" },
  ])("a scenario that expects something else fails: %j", async (wrong) => {
    const scenario = scenarioSchema.parse({
      name: "wrong",
      contract: "none",
      steps: [{ do: "apply", expect: wrong }],
    });
    await expect(playScenario(scenario, openDomainWorld(scenario))).rejects.toThrow("step 1 (apply at 0)");
  });

  it.each(scenarios.map(([file, scenario]) => ({ file, scenario, name: scenario.name })))(
    "$name ($file)",
    async ({ scenario }) => {
      await playScenario(scenario, openDomainWorld(scenario));
    },
  );
});
