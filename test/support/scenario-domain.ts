import { updateIdOf } from "../../modules/otau/update-id.ts";
import { toHistoryView, toUpdateView } from "../../modules/otau/update-view.ts";
import { updateStates } from "../../modules/otau/vocabulary.ts";
import type { Scenario, Step } from "./scenario.ts";
import { makeActs } from "./scenario-acts.ts";
import type { StepResult, View, World } from "./scenario-runner.ts";
import { makeStage, type Stage, updateOf } from "./scenario-stage.ts";

/** A world of the bare domain: exact to the millisecond, and nothing but decisions in it. */
export function openDomainWorld(scenario: Scenario): World {
  const stage = makeStage(scenario);
  const acts = makeActs(scenario, stage);
  const { memberOf, deploymentOf } = stage;
  return {
    exact: true,
    scale: 1,
    startedAt: stage.startedAt,
    advanceTo: async (at) => stage.moveTo(stage.startedAt + at),
    run: async (step) => {
      const result = (acts[step.do] as (step: Step) => StepResult)(step);
      stage.settle();
      return result;
    },
    update: async (identity, name) => {
      const { device } = memberOf(identity);
      const update = updateOf({ device }, name);
      return update && (toUpdateView(device, update, deploymentOf(name)) as View);
    },
    device: async (identity) => {
      const { installedVersion, drifted } = memberOf(identity).device;
      return { drifted, ...(installedVersion === undefined ? {} : { installedVersion }) };
    },
    config: async (identity) => {
      const { configSet } = memberOf(identity).device;
      if (configSet === undefined) return undefined;
      const deployment = "deploymentId" in configSet ? configSet.deploymentId : configSet.text;
      return { deployments: [deployment], timestampMs: Math.floor(configSet.timestampUs / 1000) };
    },
    history: async (identity) => {
      const { device, lines } = memberOf(identity);
      return lines.map((line) => toHistoryView(line, device) as View);
    },
    totals: async (name) => totalsOf(stage, name),
    deploymentState: async (name) => deploymentOf(name).state,
    updateId: async (identity, name) => updateIdOf(name, memberOf(identity).device.uid),
    checkInvariants: async () => checkTotals(stage),
  };
}

function totalsOf(stage: Stage, name: string): Record<string, number> {
  const states = stage.statesOf(name);
  const counts = updateStates.map((state) => [state, states.filter((other) => other === state).length]);
  return { total: states.length, ...Object.fromEntries(counts) };
}

function checkTotals(stage: Stage): void {
  for (const { id, members } of stage.deployments.values()) {
    const { total, ...states } = totalsOf(stage, id);
    const sum = Object.values(states).reduce((all, count) => all + count, 0);
    if (sum !== total) throw new Error(`the totals of ${id} do not add up: ${JSON.stringify(states)}`);
    if (sum > members.length) throw new Error(`${id} counts more updates than it has devices`);
  }
}
