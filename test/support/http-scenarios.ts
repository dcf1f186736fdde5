import { afterAll, beforeAll, describe, it } from "vitest";
import { startApp, type TestApp } from "./app.ts";
import { loadScenarios, type Scenario } from "./scenario.ts";
import { openHttpWorld } from "./scenario-http.ts";
import { playScenario } from "./scenario-runner.ts";

const timeoutMs = 120_000;

/** Declares a test for every scenario of this kind, on one server whose clock is moved. */
export function describeHttpScenarios(title: string, http: Scenario["http"]): void {
  const scenarios = loadScenarios().filter(([, scenario]) => scenario.http === http);

  describe(title, () => {
    let app: TestApp;
    beforeAll(async () => {
      app = await startApp({ testClock: true });
    });
    afterAll(() => app.close());

    it.each(scenarios.map(([file, scenario]) => ({ file, scenario, name: scenario.name })))(
      "$name ($file)",
      async ({ scenario }) => {
        await playScenario(scenario, await openHttpWorld(scenario, app));
      },
      // One that is cut off would go on moving the clock of the next.
      timeoutMs,
    );
  });
}
