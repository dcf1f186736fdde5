import { z } from "zod";
import type { Device, HistoryLine, Limits, Ms } from "../otau/model.ts";
import { isFinalState, isLiveState } from "../otau/vocabulary.ts";
import { explainWhy } from "../otau/why.ts";
import { type RolloutFacts, type WhyAnswer, type WhyFacts, whyCodes } from "../otau/why-facts.ts";
import { onlineWithinMs } from "./device-view.ts";
import { unknownDevice } from "./list-devices.ts";
import type { DeploymentRecord, DeploymentStore, DeviceRef, DeviceStore } from "./ports.ts";

/** Lines that are looked at to tell since when something is so; older changes are told by the update itself. */
const linesMax = 200;

const isoTime = z.iso.datetime({ precision: 3 });

/** Why a device is where it is, as the app API says it. */
export const whyViewSchema = z
  .strictObject({
    code: z.enum(whyCodes),
    text: z.string().meta({ description: "A sentence for a person, with the figures" }),
    since: isoTime,
    until: isoTime.optional().meta({ description: "When it ends by itself" }),
    deploymentId: z.string().optional(),
    details: z.record(z.string(), z.unknown()).meta({ description: "The figures in the text, and more" }),
  })
  .meta({ id: "Why" });
export type WhyView = z.infer<typeof whyViewSchema>;

export type ExplainDeps = {
  readonly devices: Pick<DeviceStore, "load" | "history">;
  readonly deployments: Pick<DeploymentStore, "refresh">;
  readonly limitsOf: (productId: string) => Promise<Limits>;
  readonly rolloutFactsOf: (record: DeploymentRecord, device: Device) => Promise<RolloutFacts>;
};

/** Says why a device is not updating, or that all is well. NOT_FOUND. */
export function makeExplainDevice({ devices, deployments, limitsOf, rolloutFactsOf }: ExplainDeps) {
  /** Deployments of updates that are not final, past the cache: what just changed is to be told. */
  async function openRecords({ productId, updates }: Device): Promise<DeploymentRecord[]> {
    const open = updates.filter(({ state }) => !isFinalState(state));
    const records = await Promise.all(
      open.map(({ deploymentId }) => deployments.refresh(productId, deploymentId)),
    );
    return records.filter((record) => record !== undefined);
  }

  return async function explainDevice(ref: DeviceRef): Promise<WhyView> {
    const loaded = await devices.load(ref, { past: true });
    if (loaded === undefined) throw unknownDevice(ref);
    const { now, device, extras } = loaded;
    const records = await openRecords(device);
    const [history, rollouts] = await Promise.all([
      devices.history(ref, { limit: linesMax, order: "desc" }),
      Promise.all(records.map(async (record) => [record.id, await rolloutFactsOf(record, device)] as const)),
    ]);
    const lines = history?.lines ?? [];
    const { lastSeenAt } = extras;
    const named = device.updates.find(({ state }) => isLiveState(state))?.otherVersion;
    const namedSince = named === undefined ? undefined : runOf(lines, named, () => true);
    const installedSince =
      device.drifted && device.installedVersion !== undefined
        ? runOf(lines, device.installedVersion, ({ status }) => status === "INSTALLED_VERSION")
        : undefined;
    return toView(
      explainWhy({
        now,
        device,
        deployments: new Map([
          ...loaded.deployments,
          ...records.map((record) => [record.id, record] as const),
        ]),
        rollouts: new Map(rollouts),
        online: lastSeenAt !== undefined && now - lastSeenAt <= onlineWithinMs,
        stateSince: stateTimes(device, lines),
        ...restOf(device, await limitsOf(ref.productId)),
        ...(lastSeenAt === undefined ? {} : { lastSeenAt }),
        ...(namedSince === undefined ? {} : { namedSince }),
        ...(installedSince === undefined ? {} : { installedSince }),
      }),
    );
  };
}

function restOf({ restUntil }: Device, { rest }: Limits): Pick<WhyFacts, "rest"> {
  if (rest === undefined || restUntil === undefined) return {};
  const { failures, withinMs, forMs } = rest;
  return { rest: { failures, withinMs, since: restUntil - forMs, until: restUntil } };
}

/** Since when each update is in its state: the line that led there. `lines` are newest first. */
function stateTimes(device: Device, lines: readonly HistoryLine[]): Map<string, Ms> {
  const times = new Map<string, Ms>();
  for (const { deploymentId, state } of device.updates) {
    const line = lines.find((each) => each.deploymentId === deploymentId && each.to === state);
    if (line !== undefined) times.set(deploymentId, line.at);
  }
  return times;
}

/** When the device began to name the version in every report of the kind; `lines` are newest first. */
function runOf(
  lines: readonly HistoryLine[],
  version: string,
  counts: (line: HistoryLine) => boolean,
): Ms | undefined {
  let since: Ms | undefined;
  for (const line of lines) {
    if (line.kind !== "report" || line.version === undefined || !counts(line)) continue;
    if (line.version !== version) break;
    since = line.at;
  }
  return since;
}

function toView(answer: WhyAnswer): WhyView {
  const { code, text, since, until, deploymentId, details } = answer;
  return {
    code,
    text,
    since: new Date(since).toISOString(),
    ...(until === undefined ? {} : { until: new Date(until).toISOString() }),
    ...(deploymentId === undefined ? {} : { deploymentId }),
    details: { ...details },
  };
}
