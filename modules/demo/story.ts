import { setTimeout as delay } from "node:timers/promises";
import { makeApiClient } from "../cli/api-client.ts";
import { CliError } from "../cli/cli-error.ts";
import type { Io } from "../cli/io.ts";
import { makeOutput } from "../cli/output.ts";
import { run } from "../cli/run.ts";
import type { Deployment, Update } from "../cli/shapes.ts";
import { finalCount, isFinal, isSettled } from "../cli/watch/snapshot.ts";
import { makeView } from "../cli/watch/views.ts";
import { runFleet } from "../simulator/fleet.ts";
import { type DeviceGroup, deviceGroups, factoryVersion, makeDevices, prefixOf } from "./devices.ts";
import { type DemoPackage, demoPackages } from "./packages.ts";

/** Where the demo's server is, and how fast its devices are. */
export type Stage = {
  readonly io: Io;
  readonly apiUrl: string;
  readonly deviceUrl: string;
  readonly token: string;
  /** Mean pause between two reports of a device. */
  readonly stepDelayMs: number;
  /** How long a device may say nothing. */
  readonly patienceMs: number;
};

const productId = "default";
const canaryCount = 6;
const pollMs = 250;
const updatesMax = 100;

/**
 * Plays the demo: packages, forty devices, a small apply that goes well, and a rollout in waves that its gate stops.
 * Answers the rollout as it stands then, and a promise of the devices' end, which comes with `io.signal`.
 */
export async function playStory(
  stage: Stage,
): Promise<{ readonly rollout: Deployment; readonly devicesEnd: Promise<void> }> {
  const teller = makeTeller(stage);
  await teller.say("Three packages. A package is a content item whose tag says all:");
  for (const one of Object.values(demoPackages)) await teller.upload(one);
  await teller.type(["packages"]);

  const groups = deviceGroups.map(({ profile, count }) => `${count} ${profile}`).join(", ");
  await teller.say(`Forty devices come, over the real device API: ${groups}.`);
  await teller.register();
  const devicesEnd = Promise.all(deviceGroups.map((group) => runGroup(stage, group))).then(() => undefined);
  // Whoever waits for it later hears the fault; until then it must not end the program unheard.
  devicesEnd.catch(() => undefined);

  await teller.say("A first package for a few good ones. All of them take it:");
  await teller.follow(await teller.apply(demoPackages.first, firstBody()));

  await teller.say("The next one for all forty, in three waves; its gate stops it when 15 % fail:");
  const rollout = await teller.follow(await teller.apply(demoPackages.troubled, rolloutBody(stage)));
  await tellOutcome(teller, rollout);
  return { rollout, devicesEnd };
}

async function tellOutcome(teller: Teller, rollout: Deployment): Promise<void> {
  const stopped = rollout.state === "halted" ? "The gate has stopped the rollout" : `It is ${rollout.state}`;
  await teller.say(`${stopped}. Whoever has not begun keeps the old version. Ask why, device by device:`);
  const updates = await teller.updatesOf(rollout.id);
  const untouched = updates.find(({ state }) => state === "waiting");
  const failed = updates.find(({ state }) => isFinal(state) && state !== "succeeded");
  for (const one of [failed, untouched]) if (one !== undefined) await teller.type(["why", one.identity]);
  if (failed !== undefined) await teller.type(["history", failed.identity, "--limit", "6"]);
}

const firstBody = () => ({
  devices: Array.from({ length: canaryCount }, (_, index) => `good-${String(index + 1).padStart(4, "0")}`),
});

const rolloutBody = ({ patienceMs }: Stage) => ({
  target: { all: true },
  options: {
    timeouts: { acknowledgeMs: patienceMs },
    retry: { maxAttempts: 2, on: ["DOWNLOAD_ERROR"], delayMs: 1000 },
    rollout: {
      waves: [10, 40, 50],
      // biome-ignore lint/suspicious/noThenProperty: the app API names it so, and it is no function.
      gate: { minFinished: 8, maxFailedPercent: 15, requireConfirmed: true, then: "pause" },
    },
  },
});

type Teller = ReturnType<typeof makeTeller>;

function makeTeller({ io: world, apiUrl, token }: Stage) {
  const io: Io = {
    ...world,
    env: { ...world.env, OTAU_URL: apiUrl, OTAU_TOKEN: token, OTAU_PRODUCT: productId, OTAU_PROFILE: "" },
  };
  const out = makeOutput(io, false);
  const api = makeApiClient({ url: apiUrl, token, productId }, io.signal);
  const say = (text: string): Promise<void> => out.line(`\n${out.colour(text, "bold")}`);
  const updatesOf = async (id: string): Promise<readonly Update[]> =>
    (await api.list<Update>(api.productPath("deployments", id, "updates"), {}, updatesMax)).items;
  const runLine = async (args: readonly string[]): Promise<void> => {
    if ((await run(args, io)) !== 0) throw new CliError(`otau ${args.join(" ")} failed`);
  };

  return {
    say,
    updatesOf,
    /** Types a command of the CLI, and shows what it prints. */
    async type(args: readonly string[]): Promise<void> {
      await out.line(out.colour(`$ npx otau ${args.join(" ")}`, "gray"));
      await runLine(args);
    },
    /** The line as one would type it, without the length of the tag and what the command prints. */
    async upload({ id, otauInfo }: DemoPackage): Promise<void> {
      await out.line(out.colour(`$ npx otau content upload ${id} --tags otau_info=…`, "gray"));
      await api.send("PUT", api.productPath("content", id), {
        query: { tags: JSON.stringify({ otau_info: otauInfo }) },
        bytes: new Blob([]),
        contentType: "application/json",
      });
    },
    async register(): Promise<void> {
      await api.send("POST", api.productPath("devices"), { body: makeDevices() });
    },
    async apply({ id }: DemoPackage, body: object): Promise<string> {
      const path = `${api.productPath("packages", id)}/apply`;
      const reply = await api.send<{ deployment: Deployment }>("POST", path, { body });
      return reply.deployment.id;
    },
    /** Shows a deployment until it has ended, or stands still and nothing of it runs any more. */
    async follow(id: string): Promise<Deployment> {
      const view = makeView(io, out);
      let shown = "";
      for (;;) {
        const deployment = await api.get<Deployment>(api.productPath("deployments", id));
        const news = `${deployment.state} ${finalCount(deployment)}`;
        // Of forty devices a pipe gets the ends alone.
        if (io.isTerminal || news !== shown) {
          await view.show({ deployment, updates: await updatesOf(id), isComplete: false });
        }
        shown = news;
        if (isSettled(deployment) || standsStill(deployment)) return deployment;
        await delay(pollMs, undefined, { signal: io.signal });
      }
    },
  };
}

function standsStill({ state, totals }: Deployment): boolean {
  if (state !== "halted" && state !== "paused") return false;
  return Object.entries(totals).every(
    ([name, count]) => count === 0 || ["total", "waiting", "retrying"].includes(name) || isFinal(name),
  );
}

async function runGroup(
  { apiUrl, deviceUrl, token, stepDelayMs, io }: Stage,
  { profile, count }: DeviceGroup,
): Promise<void> {
  await runFleet({
    apiUrl,
    token,
    deviceUrl,
    productId,
    count,
    profile,
    prefix: prefixOf(profile),
    installedVersion: factoryVersion,
    stepDelayMs,
    signal: io.signal,
  });
}
