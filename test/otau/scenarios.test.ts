import { describe, expect, it } from "vitest";
import { loadScenarios } from "../support/scenario.ts";
import { openDomainWorld } from "../support/scenario-domain.ts";
import { playScenario } from "../support/scenario-runner.ts";

const scenarios = loadScenarios();

describe("the domain, by the contract's recorded scenarios", () => {
  it("has scenarios, each with a name of its own", () => {
    const names = scenarios.map(([, { name }]) => name);
    expect(names.length).toBeGreaterThan(90);
    expect(new Set(names).size).toBe(names.length);
  });

  it.each(scenarios.map(([file, scenario]) => ({ file, scenario, name: scenario.name })))(
    "$name ($file)",
    async ({ scenario }) => {
      await playScenario(scenario, openDomainWorld(scenario));
    },
  );
});
