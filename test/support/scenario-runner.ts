import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";
import type { Expectation, Scenario, Step } from "./scenario.ts";

/** Fields as the app API shows them. */
export type View = Readonly<Record<string, unknown>>;

/** What came of a step. */
export type StepResult = {
  readonly decision?: string;
  readonly refused?: string;
  readonly retried?: number;
  readonly left?: readonly { readonly identity: string; readonly code: string }[];
};

/** Where a scenario is played: the bare domain with a moved clock, or a running server. */
export type World = {
  /** Views are there at once and times hold to the millisecond; else what is expected may take a moment. */
  readonly exact: boolean;
  /** Milliseconds of the world's clock for one of the scenario. */
  readonly scale: number;
  /** Milliseconds since 1970 of the scenario's beginning. */
  readonly startedAt: number;
  /** Moves time on for the step. */
  advanceTo(at: number, step: Step): Promise<void>;
  run(step: Step): Promise<StepResult>;
  update(identity: string, deployment: string): Promise<View | undefined>;
  device(identity: string): Promise<View>;
  /** Deployments whose value is wanted, by the scenario's names (several may have one text), and its stamp in ms. */
  config(
    identity: string,
  ): Promise<{ readonly deployments: readonly string[]; readonly timestampMs: number } | undefined>;
  history(identity: string): Promise<readonly View[]>;
  totals(deployment: string): Promise<Readonly<Record<string, number>>>;
  deploymentState(deployment: string): Promise<string>;
  /** Id of an update, for `supersededBy` and `updateId`. */
  updateId(identity: string, deployment: string): Promise<string>;
  /** Throws when something that holds at every moment does not. */
  checkInvariants(): Promise<void>;
};

/** Plays a scenario, and checks after every step what it expects and what must always hold. */
export async function playScenario(scenario: Scenario, world: World): Promise<void> {
  let now = 0;
  for (const [index, step] of scenario.steps.entries()) {
    const label = labelOf(step, index, step.at ?? now);
    now = step.at ?? now;
    const before = step.expect.lines ? (await world.history(step.device)).length : 0;
    await world.advanceTo(isNotYet(step, scenario.steps[index + 1]) ? now - notYetMs(world) : now, step);
    const result = await world.run(step);
    await eventually(world, () => checkExpectation(world, step, result, before, label));
    await world.checkInvariants();
  }
}

function labelOf(step: Step, index: number, at: number): string {
  const status = step.do === "report" ? ` ${step.status ?? "raw"}` : "";
  return `step ${index + 1} (${step.do}${status} at ${at})`;
}

/** A look at what must not have happened a millisecond before it is due: a real clock looks a little earlier. */
function isNotYet(step: Step, next: Step | undefined): boolean {
  return step.do === "wait" && step.at !== undefined && next?.at === step.at + 1;
}

function notYetMs({ exact }: World): number {
  return exact ? 0 : 500;
}

const settledWithinMs = 6000;
const lookEveryMs = 25;

/** Workers need a moment: what is expected is looked for again until it is there, and the last look is what counts. */
async function eventually(world: World, check: () => Promise<void>): Promise<void> {
  if (world.exact) return check();
  const until = performance.now() + settledWithinMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > until) throw error;
      await delay(lookEveryMs);
    }
  }
}

async function checkExpectation(
  world: World,
  step: Step,
  result: StepResult,
  linesBefore: number,
  label: string,
): Promise<void> {
  const wanted = step.expect;
  expect(result.refused, `${label}: refusal`).toBe(wanted.refused);
  if (wanted.decision) expect(result.decision, `${label}: decision`).toBe(wanted.decision);
  if (wanted.retried !== undefined) expect(result.retried, `${label}: retried`).toBe(wanted.retried);
  if (wanted.left) {
    const left = (result.left ?? []).map(({ identity, code }) => ({ device: identity, code }));
    expect(left, `${label}: left`).toEqual(wanted.left);
  }
  await checkUpdate(world, step, label);
  await checkDevice(world, step, label);
  await checkLines(world, step, linesBefore, label);
  if (wanted.totals) await checkTotals(world, step.deployment, wanted.totals, label);
  if (wanted.deploymentState) {
    expect(await world.deploymentState(step.deployment), `${label}: deployment`).toBe(wanted.deploymentState);
  }
}

async function checkUpdate(world: World, { device, deployment, expect: wanted }: Step, label: string) {
  if (wanted.update === undefined) return;
  const view = await world.update(device, deployment);
  if (wanted.update === null) return expect(view, `${label}: no update`).toBeUndefined();
  await checkPart(world, device, view ?? {}, wanted.update, `${label}: update`);
}

async function checkDevice(world: World, { device, expect: wanted }: Step, label: string) {
  if (wanted.device) {
    await checkPart(world, device, await world.device(device), wanted.device, `${label}: device`);
  }
  if (wanted.config === undefined && wanted.configAt === undefined) return;
  const config = await world.config(device);
  if (wanted.config !== undefined) {
    const found = config?.deployments ?? [null];
    expect(found, `${label}: config_otau`).toContain(wanted.config);
  }
  if (wanted.configAt !== undefined) {
    checkTime(world, config?.timestampMs, wanted.configAt, `${label}: stamp of config_otau`);
  }
}

async function checkLines(world: World, { device, expect: wanted }: Step, before: number, label: string) {
  if (!wanted.line && !wanted.lines && wanted.reportLinesMax === undefined) return;
  const history = await world.history(device);
  const named = (line: View | undefined) => line ?? {};
  if (wanted.line) await checkPart(world, device, named(history.at(-1)), wanted.line, `${label}: line`);
  if (wanted.reportLinesMax !== undefined) {
    const reports = history.filter(({ kind }) => kind === "report");
    expect(reports.length, `${label}: lines of reports`).toBeLessThanOrEqual(wanted.reportLinesMax);
  }
  if (!wanted.lines) return;
  const fresh = history.slice(before);
  for (const [index, line] of wanted.lines.entries()) {
    await checkPart(world, device, named(fresh[index]), line, `${label}: line ${index + 1} of this step`);
  }
  expect(fresh, `${label}: lines of this step`).toHaveLength(wanted.lines.length);
}

async function checkTotals(
  world: World,
  deployment: string,
  wanted: NonNullable<Expectation["totals"]>,
  label: string,
) {
  const { total, ...states } = await world.totals(deployment);
  const counted = Object.fromEntries(Object.entries(states).filter(([, count]) => count !== 0));
  expect(counted, `${label}: totals of ${deployment}`).toEqual(wanted);
  expect(
    Object.values(states).reduce((sum, count) => sum + count, 0),
    `${label}: the states' sum is the total`,
  ).toBe(total);
}

async function checkPart(world: World, identity: string, view: View, wanted: View, label: string) {
  for (const [key, value] of Object.entries(wanted)) {
    const name = `${label}.${key}`;
    const found = view[key];
    if (value === null) expect(found ?? null, name).toBeNull();
    else if (/^at$|At$/.test(key) && typeof value === "number") checkTime(world, found, value, name);
    else if (key === "supersededBy" || key === "updateId") {
      expect(found, name).toBe(await world.updateId(identity, String(value)));
    } else if (typeof value === "object") expect(found, name).toMatchObject(value);
    else expect(found, name).toBe(value);
  }
}

/** In the scenario's milliseconds. */
function slackMs({ scale }: World): number {
  return 600 + 2400 / scale;
}

function checkTime(world: World, found: unknown, wanted: number, label: string) {
  const foundMs = typeof found === "string" ? Date.parse(found) : found;
  expect(foundMs, `${label} is a time`).toEqual(expect.any(Number));
  const after = (Number(foundMs) - world.startedAt) / world.scale;
  if (world.exact) return expect(after, `${label} (ms after the beginning)`).toBe(wanted);
  expect(Math.abs(after - wanted), `${label} (ms off)`).toBeLessThanOrEqual(slackMs(world));
}
