import { setTimeout as delay } from "node:timers/promises";
import type { TestClock } from "../../modules/adapters/redis/clock.ts";
import { isLiveState, updateStateSchema } from "../../modules/otau/vocabulary.ts";
import type { TestApp } from "./app.ts";
import { type DeviceClient, makeDeviceClient } from "./device-client.ts";
import type { Scenario, Step } from "./scenario.ts";
import { makeHttpActs } from "./scenario-http-acts.ts";
import type { StepResult, View, World } from "./scenario-runner.ts";

const judgedWithinMs = 4000;
const lookEveryMs = 20;
const afterDueMs = 20;
/** Workers look every 50 ms where the clock was moved to. */
const clockFollowedMs = 60;
/** Steps that a worker carries on with; a report is one only where something waits for its turn. */
const withWorkers: readonly Step["do"][] = [
  "apply",
  "retry",
  "retryDeployment",
  "resume",
  "pause",
  "cancel",
  "cancelDeployment",
  "setConfig",
];

/** What the acts and views of a scenario over HTTP share. */
export type HttpScene = {
  readonly app: TestApp;
  readonly scenario: Scenario;
  readonly productId: string;
  readonly startedAt: number;
  readonly scale: number;
  readonly devices: Map<string, DeviceClient>;
  /** Ids of deployments by the scenario's names. */
  readonly deployments: Map<string, string>;
  /** Texts of `config_otau` by the scenario's names. */
  readonly texts: Map<string, string>;
  /** Instants at which deployments begin or end, in ms since 1970. */
  readonly instants: Set<number>;
  /** A request below the scenario's product; anything but 2xx throws, a problem's code is in the message. */
  readonly get: <Body>(path: string) => Promise<Body>;
  readonly addDevice: (identity: string, installedVersion: string | undefined) => Promise<void>;
};

let scenes = 0;

/** A world of a running server, in a product of the scenario's own; the server must run on a test clock. */
export async function openHttpWorld(scenario: Scenario, app: TestApp): Promise<World> {
  const clock = testClockOf(app);
  // The scenario before may have moved the clock just now.
  await untilFollowed(clock);
  const scene = await openScene(scenario, app, clock.roughNow());
  const acts = makeHttpActs(scene);
  const { get, startedAt, scale } = scene;
  const idOf = (name: string) => scene.deployments.get(name) ?? name;
  const updatesOf = async (identity: string) =>
    (await get<{ items: View[] }>(`/devices/${identity}/updates?limit=500`)).items;
  const deployment = (name: string) =>
    get<{ state: string; totals: Record<string, number> }>(`/deployments/${idOf(name)}`);

  return {
    exact: false,
    scale,
    startedAt,
    advanceTo: (at, step) => moveClock(scene, clock, startedAt + at * scale, step),
    run: async (step) => (acts[step.do] as (step: Step) => Promise<StepResult>)(step),
    update: async (identity, name) =>
      (await updatesOf(identity)).find(({ deploymentId }) => deploymentId === idOf(name)),
    device: (identity) => get<View>(`/devices/${identity}`),
    config: async (identity) => {
      const state = await get<Record<string, { timestamp: number; set?: string }>>(
        `/devices/${identity}/state`,
      );
      const { set, timestamp } = state["config_otau"] ?? {};
      if (set === undefined || set === null || timestamp === undefined) return undefined;
      const names = [...scene.texts].filter(([, text]) => text === set).map(([name]) => name);
      return { deployments: names, timestampMs: Math.floor(timestamp / 1000) };
    },
    history: async (identity) =>
      (await get<{ items: View[] }>(`/devices/${identity}/history?limit=500`)).items,
    totals: async (name) => (await deployment(name)).totals,
    deploymentState: async (name) => (await deployment(name)).state,
    updateId: async (identity, name) => {
      const update = (await updatesOf(identity)).find(({ deploymentId }) => deploymentId === idOf(name));
      return String(update?.["id"]);
    },
    checkInvariants: () => checkInvariants(scene),
  };
}

function testClockOf(app: TestApp): TestClock {
  const { clock } = app.stores;
  if (!("advance" in clock)) throw new Error("scenarios over HTTP need an app with a test clock");
  return clock as TestClock;
}

async function openScene(scenario: Scenario, app: TestApp, startedAt: number): Promise<HttpScene> {
  scenes += 1;
  const productId = `scenario${scenes}`;
  const base = `/products/${productId}`;
  const devices = new Map<string, DeviceClient>();
  const addDevice = async (identity: string, installedVersion: string | undefined) => {
    const body = [{ identity, ...(installedVersion === undefined ? {} : { installedVersion }) }];
    const made = await ok<{ tokens: Record<string, string> }>(
      app,
      "POST",
      `${base}/devices?tokens=true`,
      body,
    );
    devices.set(identity, makeDeviceClient(String(app.deviceUrl), String(made.tokens[identity])));
  };
  const scale = scenario.httpScale;
  const clockSkewMs = (scenario.limits["clockSkewMs"] ?? 5000) * scale;
  await ok(app, "PUT", base, { limits: { ...scenario.limits, clockSkewMs } });
  for (const [identity, { installedVersion }] of Object.entries(scenario.devices)) {
    await addDevice(identity, installedVersion);
  }
  return {
    app,
    scenario,
    productId,
    startedAt,
    scale: scenario.httpScale,
    devices,
    deployments: new Map(),
    texts: new Map(),
    instants: new Set(),
    get: (path) => ok(app, "GET", `${base}${path}`),
    addDevice,
  };
}

async function ok<Body>(app: TestApp, method: string, path: string, body?: unknown): Promise<Body> {
  const reply = await app.call<Body>(method, path, body);
  if (reply.status >= 300) {
    throw new Error(`${method} ${path} was answered ${reply.status}: ${JSON.stringify(reply.body)}`);
  }
  return reply.body;
}

/**
 * Moves time from one thing that falls due to the next, and waits each time until it was judged: a leap past several
 * of them would run them all late.
 */
async function moveClock(scene: HttpScene, clock: TestClock, target: number, step: Step): Promise<void> {
  while (clock.roughNow() < target) {
    const { instants, hasWaiting } = await lookAhead(scene);
    const next = instants.find((due) => due > clock.roughNow());
    if (next === undefined || next > target) {
      const isMoved = await setClock(clock, target);
      if (isMoved && (hasWaiting || withWorkers.includes(step.do))) await untilFollowed(clock);
      return;
    }
    await setClock(clock, next + afterDueMs);
    await untilJudged(scene, next);
  }
}

async function setClock(clock: TestClock, target: number): Promise<boolean> {
  const byMs = Math.ceil(target - clock.roughNow());
  if (byMs > 0) await clock.advance(byMs);
  return byMs > 0;
}

/** Their look began before this one's, on the same loop: when this one is answered, so are theirs. */
async function untilFollowed(clock: TestClock): Promise<void> {
  await delay(clockFollowedMs);
  await clock.refresh();
  await clock.refresh();
}

type Ahead = { readonly instants: readonly number[]; readonly hasWaiting: boolean };

/** What falls due in this scenario, soonest first. */
async function lookAhead(scene: HttpScene): Promise<Ahead> {
  const { items } = await scene.get<{ items: View[] }>("/updates?limit=500");
  const instants = new Set(scene.instants);
  for (const update of items) {
    if (!isLiveState(updateStateSchema.parse(update["state"]))) continue;
    for (const key of ["deadlineAt", "retryAt", "totalDeadlineAt"]) {
      const value = update[key];
      if (typeof value === "string") instants.add(Date.parse(value));
    }
  }
  const hasWaiting = items.some(({ state }) => state === "waiting");
  return { instants: [...instants].sort((a, b) => a - b), hasWaiting };
}

/** What falls due may also be held back (a pause): then this gives up waiting, and what is expected will tell. */
async function untilJudged(scene: HttpScene, due: number): Promise<void> {
  if (scene.instants.delete(due)) return;
  const paused = await scene.get<{ items: unknown[] }>("/deployments?state=paused");
  const until = performance.now() + (paused.items.length > 0 ? judgedWithinMs / 4 : judgedWithinMs);
  while (performance.now() < until && (await lookAhead(scene)).instants.includes(due)) {
    await delay(lookEveryMs);
  }
}

async function checkInvariants({ get }: HttpScene): Promise<void> {
  const [updates, deployments] = await Promise.all([
    get<{ items: View[] }>("/updates?limit=500"),
    get<{ items: { id: string; totals: Record<string, number> }[] }>("/deployments?limit=500"),
  ]);
  const live = updates.items.filter(({ state }) => isLiveState(updateStateSchema.parse(state)));
  const identities = live.map(({ identity }) => identity);
  if (new Set(identities).size !== identities.length) {
    throw new Error(`a device has two live updates: ${JSON.stringify(identities)}`);
  }
  for (const { id, totals } of deployments.items) {
    const { total, ...states } = totals;
    const sum = Object.values(states).reduce((all, count) => all + count, 0);
    if (sum !== total) throw new Error(`the totals of ${id} do not add up: ${JSON.stringify(totals)}`);
  }
}
