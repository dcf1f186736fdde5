import { setTimeout as delay } from "node:timers/promises";
import { type Command, Option } from "commander";
import { CliError, usageError } from "../cli-error.ts";
import { type FleetCounts, type FleetOptions, type FleetRunner, loadFleetRunner } from "../fleet-runner.ts";
import type { Io } from "../io.ts";
import { addLeaf } from "../leaf.ts";
import { parseCount } from "../parsing.ts";
import { openSession, type Session } from "../session.ts";
import { makeFleetProgress } from "../watch/fleet-progress.ts";

type SimulateOptions = {
  readonly devices: string;
  readonly profile: string;
  readonly prefix: string;
  readonly package?: string;
  readonly deviceUrl?: string;
};

type Applied = { readonly deployment: { readonly id: string } };

const profiles = ["good", "sparse", "flaky", "silent", "falls-back", "aborts", "wrong-clock", "mixed"];
const devicesMax = 10_000;
const registrationMaxMs = 60_000;
const registrationPollMs = 250;

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
    .option("--package <package>", "apply this package to them once they are registered")
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
  const count = parseCount("--devices", options.devices, devicesMax);
  const deviceUrl = deviceUrlOf(session, options.deviceUrl);
  const runFleet = await loadRunner();
  const progress = makeFleetProgress(io, out, count);
  const ended = new AbortController();
  const fleet = runFleet(fleetOptions(session, options, { count, deviceUrl, ended, progress }));
  // A refused apply ends the fleet too: without work it would wait for ever.
  const apply = applyWhenRegistered(session, options, count, ended.signal).catch((error: unknown) =>
    ended.abort(error),
  );
  try {
    const result = await fleet;
    progress.stop();
    // Stopped by the refused apply, a fleet may well end in peace.
    ended.signal.throwIfAborted();
    await out.answer(result, () => out.line(countsText(result)));
  } catch (error) {
    throw ended.signal.aborted ? ended.signal.reason : error;
  } finally {
    progress.stop();
    ended.abort();
    await apply;
  }
}

function fleetOptions(
  { api, io, serverUrl, token, productId }: Session,
  { profile, prefix }: SimulateOptions,
  run: {
    readonly count: number;
    readonly deviceUrl: string;
    readonly ended: AbortController;
    readonly progress: { readonly show: (counts: FleetCounts) => void };
  },
): FleetOptions {
  if (token === undefined) {
    throw new CliError("simulated devices need a token to register with", {
      hint: `Set OTAU_TOKEN; ${api.productPath("devices")} wants one.`,
    });
  }
  return {
    apiUrl: serverUrl,
    token,
    productId,
    deviceUrl: run.deviceUrl,
    count: run.count,
    profile,
    prefix,
    signal: AbortSignal.any([io.signal, run.ended.signal]),
    onProgress: run.progress.show,
  };
}

/**
 * The fleet names its devices itself: all that is known here is how their identities begin, and that they
 * are there. Older ones of the same name that are gone are not waited for.
 */
async function applyWhenRegistered(
  { api, out, io }: Session,
  { prefix, package: packageId }: SimulateOptions,
  count: number,
  signal: AbortSignal,
): Promise<void> {
  if (packageId === undefined) return;
  const giveUpAt = io.now().getTime() + registrationMaxMs;
  for (;;) {
    const page = await api.list<{ identity: string }>(
      api.productPath("devices"),
      { q: prefix, online: true },
      count,
    );
    if (signal.aborted) return;
    const devices = page.items.map((device) => device.identity);
    if (devices.length >= count || (devices.length > 0 && io.now().getTime() > giveUpAt)) {
      const path = `${api.productPath("packages", packageId)}/apply`;
      const { deployment } = await api.send<Applied>("POST", path, { body: { devices } });
      return out.note(`deployment ${deployment.id} brings ${packageId} to ${devices.length} devices`);
    }
    if (io.now().getTime() > giveUpAt)
      throw new CliError(`no device whose identity begins with ${prefix} registered`);
    // A fleet that ends early is no fault of the apply: it just has nobody left to serve.
    if (!(await delay(registrationPollMs, true, { signal }).catch(() => false))) return;
  }
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
