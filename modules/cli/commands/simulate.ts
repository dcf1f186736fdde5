import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { type Command, Option } from "commander";
import { CliError, usageError } from "../cli-error.ts";
import { type FleetCounts, type FleetOptions, type FleetRunner, loadFleetRunner } from "../fleet-runner.ts";
import type { Io } from "../io.ts";
import { addLeaf } from "../leaf.ts";
import type { Output } from "../output.ts";
import { parseCount } from "../parsing.ts";
import { openSession, type Session } from "../session.ts";
import type { Deployment } from "../shapes.ts";
import { makeFleetProgress } from "../watch/fleet-progress.ts";
import { isSettled, totalsText } from "../watch/snapshot.ts";

type SimulateOptions = {
  readonly devices: string;
  readonly profile: string;
  readonly prefix: string;
  readonly package?: string;
  readonly stepDelay?: string;
  readonly deviceUrl?: string;
};

const profiles = ["good", "sparse", "flaky", "silent", "falls-back", "aborts", "wrong-clock", "mixed"];
const devicesMax = 10_000;
const registrationMaxMs = 60_000;
const pollMs = 250;

/** Adds `simulate`. `loadRunner` is called only when it runs. */
export function addSimulate(program: Command, io: Io, loadRunner = loadFleetRunner): void {
  addLeaf(program, {
    usage: "simulate",
    summary: "Run scripted devices against the server, as real ones would: they register, update, report",
    examples: [
      "otau simulate --devices 20 --package package_acme_1-0-1.json",
      "otau simulate --devices 5 --profile flaky --prefix lab-",
    ],
  })
    .option("--devices <n>", `how many, up to ${devicesMax}`, "20")
    .addOption(new Option("--profile <profile>", "how they behave").choices(profiles).default("mixed"))
    .option("--prefix <text>", "what their identities begin with", "sim-")
    .option(
      "--package <package>",
      "apply this package to them and end when all have ended; else run until Ctrl-C",
    )
    .option("--step-delay <ms>", "pause between their reports")
    .option(
      "--device-url <url>",
      "the device listener; else OTAU_DEVICE_URL, else the server's host, port 8081",
    )
    .action((options: SimulateOptions, command: Command) =>
      simulate(openSession(io, command), options, loadRunner),
    );
}

async function simulate(
  session: Session,
  options: SimulateOptions,
  loadRunner: () => Promise<FleetRunner>,
): Promise<void> {
  const { io, out } = session;
  const fleet = fleetOf(session, options);
  const runFleet = await loadRunner();
  const progress = makeFleetProgress(io, out, fleet.count);
  const ended = new AbortController();
  const signal = AbortSignal.any([io.signal, ended.signal]);
  let counts: FleetCounts = {};
  const onProgress = (latest: FleetCounts): void => {
    counts = latest;
    progress.show(latest);
  };
  // Whichever ends first ends the other: without devices no update goes on, without work devices wait for ever.
  const running = runFleet({ ...fleet, signal, onProgress })
    .catch((error: unknown) => (ended.signal.aborted ? counts : Promise.reject(error)))
    .finally(() => ended.abort());
  const bringing = bringPackage(session, options, fleet.count, signal, progress.say).finally(() =>
    ended.abort(),
  );
  try {
    const [result, deployment] = await Promise.all([running, bringing]);
    progress.stop();
    await tellEnd(out, result, deployment);
  } finally {
    progress.stop();
    await Promise.allSettled([running, bringing]);
  }
}

type Fleet = Omit<FleetOptions, "signal" | "onProgress">;

function fleetOf(
  session: Session,
  { devices, profile, prefix, stepDelay, deviceUrl }: SimulateOptions,
): Fleet {
  const { token, serverUrl, productId } = session;
  if (token === undefined) {
    throw new CliError("no token to register simulated devices with", {
      hint: "Set OTAU_TOKEN; the server's first one is in admin-token in its data directory.",
    });
  }
  return {
    apiUrl: serverUrl,
    token,
    productId,
    deviceUrl: deviceUrlOf(session, deviceUrl),
    count: parseCount("--devices", devices, devicesMax),
    profile,
    prefix,
    ...(stepDelay === undefined ? {} : { stepDelayMs: parseCount("--step-delay", stepDelay, 3_600_000) }),
  };
}

/**
 * Applies the package once the devices are there and answers the deployment when it has settled; undefined
 * when `signal` comes first. Without a package it only waits for `signal`.
 */
async function bringPackage(
  session: Session,
  { prefix, package: packageId }: SimulateOptions,
  count: number,
  signal: AbortSignal,
  say: (text: string) => void,
): Promise<Deployment | undefined> {
  if (packageId === undefined) {
    if (!signal.aborted) await once(signal, "abort");
    return undefined;
  }
  const { api } = session;
  const devices = await waitForDevices(session, prefix, count, signal);
  if (signal.aborted) return undefined;
  const path = `${api.productPath("packages", packageId)}/apply`;
  const { deployment } = await api.send<{ deployment: Deployment }>("POST", path, { body: { devices } });
  say(`deployment ${deployment.id} brings ${packageId} to ${devices.length} devices`);
  let latest = deployment;
  while (!isSettled(latest) && (await pause(signal))) {
    latest = await api.get<Deployment>(api.productPath("deployments", deployment.id));
  }
  return latest;
}

/**
 * The fleet names its devices itself: all that is known here is how their identities begin, and that they
 * are there. Older ones of the same name that are gone are not waited for.
 */
async function waitForDevices(
  { api, io }: Session,
  prefix: string,
  count: number,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const giveUpAt = io.now().getTime() + registrationMaxMs;
  do {
    const query = { q: prefix, online: true };
    const { items } = await api.list<{ identity: string }>(api.productPath("devices"), query, count);
    const isTime = io.now().getTime() > giveUpAt;
    if (items.length >= count || (isTime && items.length > 0)) return items.map(({ identity }) => identity);
    if (isTime) throw new CliError(`no device whose identity begins with "${prefix}" came`);
  } while (await pause(signal));
  return [];
}

/** False when `signal` came meanwhile. */
async function pause(signal: AbortSignal): Promise<boolean> {
  return delay(pollMs, true, { signal }).catch(() => false);
}

async function tellEnd(out: Output, counts: FleetCounts, deployment: Deployment | undefined): Promise<void> {
  const answer = deployment === undefined ? counts : { ...counts, deployment };
  await out.answer(answer, async () => {
    await out.line(countsText(counts));
    if (deployment === undefined) return;
    await out.line(
      `deployment ${deployment.id} ${deployment.state}: ${totalsText(deployment, (text) => text)}`,
    );
  });
}

function deviceUrlOf({ io, serverUrl }: Session, named: string | undefined): string {
  const text = named ?? io.env["OTAU_DEVICE_URL"];
  if (text && /^https?:$/.test(URL.parse(text)?.protocol ?? "")) return text.replace(/\/+$/, "");
  if (text) throw usageError(`the device listener's address "${text}" is no http address`);
  const url = new URL(serverUrl);
  return `${url.protocol}//${url.hostname}:8081`;
}

function countsText(counts: FleetCounts): string {
  const numbers = Object.entries(counts).filter(([, value]) => typeof value === "number");
  return numbers.map(([name, value]) => `${name} ${value}`).join(", ");
}
