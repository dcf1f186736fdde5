import http from "node:http";
import https from "node:https";
import { createDevice, type DeviceStand, type SimulatedDevice } from "./device.ts";
import { type DeviceProfile, deviceProfiles } from "./profiles.ts";
import { registerDevices } from "./register-devices.ts";

/** Devices by what they do or how their latest update ended, and the reports they have written. */
export type FleetCounts = Readonly<Record<DeviceStand | "devices" | "reports", number>>;

export type FleetOptions = {
  /** The app API; with `token` the devices are registered there, else they activate themselves. */
  readonly apiUrl?: string;
  readonly token?: string;
  readonly productId: string;
  readonly deviceUrl: string;
  readonly count: number;
  /** `mixed`: most are good, the others one of each kind in turn. */
  readonly profile: DeviceProfile | "mixed";
  readonly prefix?: string;
  readonly installedVersion?: string;
  readonly stepDelayMs?: number;
  readonly seed?: number;
  readonly signal: AbortSignal;
  /** `settled`: ends when every device has ended an update; else it runs until the signal. */
  readonly until?: "settled";
  /** Called after changes, at most ten times a second, and at the end. */
  readonly onProgress?: (counts: FleetCounts) => void;
};

const progressMs = 100;
const ended: readonly DeviceStand[] = ["succeeded", "failed", "aborted", "silent", "refused"];

/** Runs scripted devices until the signal, or until all have settled; answers the last counts. */
export async function runFleet(options: FleetOptions): Promise<FleetCounts> {
  const { count, prefix = "sim-", seed = 1 } = options;
  const identities = Array.from({ length: count }, (_, index) => identityOf(prefix, index, count));
  const tokens = await registerDevices(options, identities);
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const agent = makeAgent(options.deviceUrl);
  const progress = makeProgress(options, () => stop.abort());
  const devices = identities.map((identity, index) => {
    const token = tokens.get(identity);
    return createDevice({
      deviceUrl: options.deviceUrl,
      productHost: `${options.productId}.${new URL(options.deviceUrl).host}`,
      identity,
      profile: options.profile === "mixed" ? mixedProfile(index) : options.profile,
      seed: seed + index,
      agent,
      ...(token !== undefined && { token }),
      ...(options.installedVersion !== undefined && { installedVersion: options.installedVersion }),
      ...(options.stepDelayMs !== undefined && { stepDelayMs: options.stepDelayMs }),
      onChange: progress.changed,
      onReport: progress.reported,
    });
  });
  progress.start(devices);
  try {
    await Promise.all(devices.map((device) => device.run(signal)));
  } finally {
    stop.abort();
    agent.destroy();
  }
  return progress.end();
}

function makeProgress({ onProgress, until }: FleetOptions, settled: () => void) {
  let devices: readonly SimulatedDevice[] = [];
  let reports = 0;
  let timer: NodeJS.Timeout | undefined;
  const count = (): FleetCounts => countDevices(devices, reports);
  const show = (): void => {
    timer = undefined;
    onProgress?.(count());
    if (until === "settled" && devices.every((device) => ended.includes(device.stand()))) settled();
  };
  const changed = (): void => {
    timer ??= setTimeout(show, progressMs);
  };
  return {
    start(all: readonly SimulatedDevice[]): void {
      devices = all;
      changed();
    },
    changed,
    reported(): void {
      reports++;
      changed();
    },
    end(): FleetCounts {
      clearTimeout(timer);
      onProgress?.(count());
      return count();
    },
  };
}

function countDevices(devices: readonly SimulatedDevice[], reports: number): FleetCounts {
  const counts = {
    starting: 0,
    idle: 0,
    updating: 0,
    succeeded: 0,
    failed: 0,
    aborted: 0,
    silent: 0,
    refused: 0,
  };
  for (const device of devices) counts[device.stand()]++;
  return { devices: devices.length, ...counts, reports };
}

const identityOf = (prefix: string, index: number, count: number): string =>
  `${prefix}${String(index + 1).padStart(Math.max(4, String(count).length), "0")}`;

// Of ten devices four are not simply good: one of each troublesome kind comes up in turn.
function mixedProfile(index: number): DeviceProfile {
  const others = deviceProfiles.filter((profile) => profile !== "good");
  if (index % 10 < 6) return "good";
  return others[(Math.floor(index / 10) * 4 + (index % 10) - 6) % others.length] ?? "good";
}

function makeAgent(deviceUrl: string): http.Agent {
  const settings = { keepAlive: true, maxSockets: Number.POSITIVE_INFINITY };
  return deviceUrl.startsWith("https:") ? new https.Agent(settings) : new http.Agent(settings);
}
