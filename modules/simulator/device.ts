import type http from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { type DeviceLink, LinkRefused } from "./device-link.ts";
import { createHttpLink } from "./http-link.ts";
import { createMqttLink } from "./mqtt-link.ts";
import { type DeviceProfile, type ScriptStep, scriptOf } from "./profiles.ts";
import { createRandom } from "./random.ts";

/** How a device ended its latest update, or what it does. */
export type DeviceStand =
  | "starting"
  | "idle"
  | "updating"
  | "succeeded"
  | "failed"
  | "aborted"
  | "silent"
  | "refused";

export type DeviceOptions = {
  /** The device listener: `http://host:port`, `https:`, `mqtt:` or `mqtts:`. */
  readonly deviceUrl: string;
  /** Sent as Host, when the product is known by it. */
  readonly productHost?: string;
  readonly identity: string;
  /** Without one the device activates itself. */
  readonly token?: string;
  readonly profile?: DeviceProfile;
  /** Reports for every update, instead of the profile's. */
  readonly script?: readonly ScriptStep[];
  /** The version it runs when it boots; `0.0.1` unless told. */
  readonly installedVersion?: string;
  readonly stepDelayMs?: number;
  /** Makes waits and clocks differ from device to device, repeatably. */
  readonly seed?: number;
  readonly agent?: http.Agent;
  /** Another way to the server than HTTP. */
  readonly link?: DeviceLink;
  readonly onChange?: (stand: DeviceStand) => void;
  readonly onReport?: (status: string) => void;
};

/** A scripted device. */
export type SimulatedDevice = {
  readonly identity: string;
  readonly stand: () => DeviceStand;
  readonly installedVersion: () => string;
  /** Boots it: it runs until the signal, and survives a server that is away. */
  run(signal: AbortSignal): Promise<void>;
};

/** Makes a device that behaves as its profile or script says, over the real device API. */
export function createDevice(options: DeviceOptions): SimulatedDevice {
  const { identity, stepDelayMs = 200 } = options;
  const profile = options.profile ?? "good";
  const random = createRandom(options.seed ?? 1);
  const link = options.link ?? makeLink(options);
  const attempts = new Map<string, number>();
  let installedVersion = options.installedVersion ?? "0.0.1";
  let stand: DeviceStand = "starting";
  const clockOffS = profile === "wrong-clock" ? Math.round((random() - 0.5) * 400_000_000) : undefined;

  const change = (next: DeviceStand): void => {
    stand = next;
    options.onChange?.(next);
  };
  const report = async (version: string, status: string, message?: string): Promise<void> => {
    const text = JSON.stringify({ version, status, ...(message !== undefined && { message }) });
    const stamp = clockOffS === undefined ? undefined : Math.round(Date.now() / 1000) + clockOffS;
    await link.report(text, stamp);
    options.onReport?.(status);
  };

  const act = async (version: string, signal: AbortSignal): Promise<void> => {
    const attempt = (attempts.get(version) ?? 0) + 1;
    attempts.set(version, attempt);
    const script = options.script ?? scriptOf(profile, { attempt, installed: installedVersion });
    change(script.length === 0 ? "silent" : "updating");
    for (const step of script) {
      await delay(step.afterMs ?? stepDelayMs * (0.5 + random()), undefined, { signal });
      const fallsTo = step.status === "INSTALLED_VERSION" ? (step.version ?? version) : undefined;
      await patiently(signal, () => report(step.version ?? version, step.status, step.message));
      if (fallsTo !== undefined) installedVersion = fallsTo;
      const next = standAfter(step.status, fallsTo === version);
      if (next !== undefined) change(next);
    }
  };

  const boot = async (signal: AbortSignal): Promise<void> => {
    const token = options.token ?? (await patiently(signal, () => link.activate()));
    if (token === undefined) throw new LinkRefused(`${identity}: not activated`);
    link.useToken(token);
    if (profile !== "silent" && options.script === undefined) {
      await patiently(signal, () => report(installedVersion, "INSTALLED_VERSION"));
    }
    change("idle");
  };

  const serve = async (signal: AbortSignal): Promise<void> => {
    let current: { readonly stop: AbortController; readonly done: Promise<void> } | undefined;
    try {
      while (!signal.aborted) {
        const wanted = await patiently(signal, () => link.nextWanted(signal));
        if (wanted === undefined) continue;
        await patiently(signal, () => link.echo(wanted));
        const version = versionOf(wanted);
        if (version === undefined) continue;
        // A newer value ends what the device was doing for the older one.
        current?.stop.abort();
        await current?.done;
        const stop = new AbortController();
        current = { stop, done: act(version, AbortSignal.any([signal, stop.signal])).catch(ignoreStop) };
      }
    } finally {
      current?.stop.abort();
      await current?.done;
    }
  };

  return {
    identity,
    stand: () => stand,
    installedVersion: () => installedVersion,
    async run(signal) {
      try {
        await boot(signal);
        await serve(signal);
      } catch (error) {
        if (error instanceof LinkRefused) change("refused");
        else if (!signal.aborted) throw error;
      } finally {
        await link.close();
      }
    },
  };
}

const makeLink = (options: DeviceOptions): DeviceLink =>
  /^mqtts?:/.test(options.deviceUrl)
    ? createMqttLink({ mqttUrl: options.deviceUrl, identity: options.identity })
    : createHttpLink(options);

/** Tries again, at growing distance, until the server takes it; only a refused token ends it. */
async function patiently<Result>(signal: AbortSignal, attempt: () => Promise<Result>): Promise<Result> {
  for (let waitMs = 200; ; waitMs = Math.min(waitMs * 2, 5000)) {
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof LinkRefused || signal.aborted) throw error;
      await delay(waitMs, undefined, { signal });
    }
  }
}

function standAfter(status: string, isWanted: boolean): DeviceStand | undefined {
  if (status === "INSTALLED_VERSION") return isWanted ? "succeeded" : "failed";
  if (status === "INSTALL_ABORTED") return "aborted";
  return /_ERROR$/.test(status) ? "failed" : undefined;
}

function versionOf(wanted: string): string | undefined {
  try {
    const value: unknown = JSON.parse(wanted);
    const version =
      typeof value === "object" && value !== null && "version" in value ? value.version : undefined;
    return typeof version === "string" ? version : undefined;
  } catch {
    return undefined;
  }
}

// A stop is asked for; a refused token shows at the next poll as well.
function ignoreStop(error: unknown): void {
  const isStop = error instanceof Error && (error.name === "AbortError" || error instanceof LinkRefused);
  if (!isStop) throw error;
}
