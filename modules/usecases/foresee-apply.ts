import { OtauError } from "../errors.ts";
import { decide } from "../otau/decide.ts";
import type { Deployment, Facts, Limits, Outcome } from "../otau/model.ts";
import { type Calendar, defaultTimeZone, forecastEnd } from "../otau/rollout-windows.ts";
import type { Actor } from "../otau/vocabulary.ts";
import type { DeploymentDraft, DeviceStore, LoadedDevice } from "./ports.ts";

/** Refused devices that an answer names. */
const identitiesShownMax = 100;
const sampleMax = 20;
const chunk = 1000;

export type DryRunReply = {
  readonly total: number;
  readonly skipped: Readonly<Record<string, number>>;
  readonly sample: readonly string[];
  /** `null`: the windows give no time for all of it in years. */
  readonly forecastMs: number | null;
};

export type ForeseeDeps = {
  readonly devices: Pick<DeviceStore, "loadMany">;
  readonly limitsOf: (productId: string) => Promise<Limits>;
  readonly calendar: Calendar;
};

/** What would come of an apply if it were released now; nothing is stored. */
export function makeForeseeApply({ devices, limitsOf, calendar }: ForeseeDeps) {
  /** What a release would make of each device now, with nothing stored. */
  async function foresee(
    draft: DeploymentDraft,
    identities: readonly string[],
    actor: Actor,
  ): Promise<Map<string, Outcome>> {
    const pretend: Deployment = {
      ...draft,
      state: "running",
      seq: Number.MAX_SAFE_INTEGER,
      withdrawn: false,
    };
    const limits = await limitsOf(draft.productId);
    const outcomes = new Map<string, Outcome>();
    for (let at = 0; at < identities.length; at += chunk) {
      const refs = identities
        .slice(at, at + chunk)
        .map((identity) => ({ productId: draft.productId, identity }));
      for (const loaded of await devices.loadMany(refs)) {
        if (loaded !== undefined)
          outcomes.set(loaded.device.identity, foreseeOne(loaded, pretend, limits, actor));
      }
    }
    return outcomes;
  }

  async function refuseBusy(
    draft: DeploymentDraft,
    identities: readonly string[],
    actor: Actor,
  ): Promise<void> {
    if (draft.onActive !== "reject") return;
    const outcomes = await foresee(draft, identities, actor);
    const busy = identities.filter(
      (identity) => reasonIn(outcomes.get(identity), draft.id) === "UPDATE_IN_PROGRESS",
    );
    if (busy.length === 0) return;
    throw new OtauError(
      "UPDATE_IN_PROGRESS",
      `${busy.length} of ${identities.length} devices have another update under way.`,
      {
        identities: busy.slice(0, identitiesShownMax),
        count: busy.length,
      },
    );
  }

  async function dryRun(
    draft: DeploymentDraft,
    identities: readonly string[],
    actor: Actor,
  ): Promise<DryRunReply> {
    const outcomes = await foresee(draft, identities, actor);
    const skipped: Record<string, number> = {};
    const sample: string[] = [];
    for (const [identity, outcome] of outcomes) {
      const reason = reasonIn(outcome, draft.id);
      if (reason !== undefined) skipped[reason] = (skipped[reason] ?? 0) + 1;
      else if (sample.length < sampleMax) sample.push(identity);
    }
    const skippedSum = Object.values(skipped).reduce((sum, count) => sum + count, 0);
    const writes = outcomes.size - skippedSum;
    return { total: outcomes.size, skipped, sample, forecastMs: forecast(draft, writes) };
  }

  /** By start, rate and windows; how fast devices are is not known before. */
  function forecast(draft: DeploymentDraft, writes: number): number | null {
    const { windows = [], ratePerMinute, createdAt } = draft;
    const begin = Math.max(createdAt, draft.startAt ?? 0);
    const zone = { timeZone: defaultTimeZone, since: begin, now: begin, outages: [] };
    const end = forecastEnd(calendar, { ...zone, windows, writes, ratePerMinute });
    return end === undefined ? null : end - createdAt;
  }

  return { refuseBusy, dryRun };
}

function foreseeOne(loaded: LoadedDevice, pretend: Deployment, limits: Limits, actor: Actor): Outcome {
  const facts: Facts = {
    now: loaded.now,
    random: 0,
    deployments: new Map<string, Deployment>([...loaded.deployments, [pretend.id, pretend]]),
    limits,
    outages: [],
    actor,
  };
  const enrolled = decide(loaded.device, { type: "enrol", deploymentId: pretend.id }, facts);
  return decide(enrolled.device, { type: "release", deploymentId: pretend.id }, facts);
}

/** Why the deployment's update would end at once, if it would. */
function reasonIn(outcome: Outcome | undefined, deploymentId: string): string | undefined {
  const update = outcome?.device.updates.find((each) => each.deploymentId === deploymentId);
  return update?.state === "skipped" || update?.state === "canceled" ? update.reason : undefined;
}
