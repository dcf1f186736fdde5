import { z } from "zod";
import type { Update } from "../otau/model.ts";
import { finalsIn, finishAtPace, paceOf } from "../otau/pace.ts";
import { updateIdOf } from "../otau/update-id.ts";
import { liveStates, reasonSchema, type UpdateState, updateStateSchema } from "../otau/vocabulary.ts";
import { type DeploymentView, deploymentViewSchema } from "./deployment-view.ts";
import type { DeploymentRecord, DeviceRef, DeviceStore, ReadPace } from "./ports.ts";

/** Devices that are shown as the slowest. */
const slowestMax = 10;
/** Identities named for each kind of failure. */
const namedMax = 5;
/** Updates of a deployment that one request looks at, for each of the two. */
const looksMax = 640;

const failedStates: readonly UpdateState[] = ["failed", "timed_out", "aborted"];

const isoTime = z.iso.datetime();
const count = z.int().min(0);

const slowDeviceSchema = z.strictObject({
  identity: z.string(),
  updateId: z.string(),
  state: updateStateSchema,
  attempt: z.int(),
  sentAt: isoTime,
  lastReportAt: isoTime.optional(),
});

const failureSchema = z.strictObject({
  reason: reasonSchema,
  message: z.string().optional(),
  count,
  identities: z.array(z.string()).meta({ description: "Some of the devices" }),
});

/** A deployment with what can be told of its course, as a single view shows it. */
export const deploymentDetailSchema = deploymentViewSchema
  .extend({
    forecast: z
      .strictObject({ pacePerMinute: z.number(), finishAt: isoTime.optional() })
      .optional()
      .meta({ description: "Updates that ended a minute over the last minutes, and what follows from it" }),
    slowest: z.array(slowDeviceSchema).meta({ description: "Under way for longest since their last write" }),
    failing: z.array(failureSchema).meta({ description: "Failures by reason and message, most first" }),
    failingSample: z
      .strictObject({ looked: count, of: count })
      .optional()
      .meta({ description: "`failing` counts only so many of all failures" }),
  })
  .meta({ id: "DeploymentDetail" });
export type DeploymentDetail = z.infer<typeof deploymentDetailSchema>;

type Insight = Pick<DeploymentDetail, "forecast" | "slowest" | "failing" | "failingSample">;
type Member = { readonly identity: string; readonly uid: string; readonly update: Update };

const iso = (ms: number) => new Date(ms).toISOString();

export type InsightDeps = {
  readonly devices: Pick<DeviceStore, "shardCount" | "members" | "loadMany" | "now">;
  readonly readPace: ReadPace;
};

/** Tells how a deployment goes: when it will be done, which devices are slow, and what fails. */
export function makeDeploymentInsight({ devices, readPace }: InsightDeps) {
  /** Members in the states, the first of each shard: they were written first, as releases go in this order too. */
  async function look(record: DeploymentRecord, states: readonly UpdateState[]): Promise<Member[]> {
    const share = Math.ceil(looksMax / devices.shardCount);
    const pages = await Promise.all(
      Array.from({ length: devices.shardCount }, (_, shard) =>
        devices.members(record.id, record.productId, shard, 0, share, states),
      ),
    );
    const refs = pages.flatMap((page): readonly DeviceRef[] => page.refs);
    const loaded = await devices.loadMany(refs, { past: true });
    return loaded.flatMap((each) => {
      const update = each?.device.updates.find(({ deploymentId }) => deploymentId === record.id);
      // It may have gone on since its state was asked for.
      if (each === undefined || update === undefined || !states.includes(update.state)) return [];
      return [{ identity: each.device.identity, uid: each.device.uid, update }];
    });
  }

  async function forecastOf(record: DeploymentRecord, { totals }: DeploymentView) {
    if (record.state !== "running" || record.resolving) return undefined;
    const [at, samples] = await Promise.all([devices.now(), readPace(record.productId, record.id)]);
    const present = { at, finals: finalsIn(totals) };
    const pacePerMinute = paceOf(samples, present);
    if (pacePerMinute === undefined) return undefined;
    const finishAt = finishAtPace(pacePerMinute, present, totals.total);
    return { pacePerMinute, ...(finishAt === undefined ? {} : { finishAt: iso(finishAt) }) };
  }

  async function insightOf(record: DeploymentRecord, view: DeploymentView): Promise<Insight> {
    const sum = (states: readonly UpdateState[]) =>
      states.reduce((total, state) => total + view.totals[state], 0);
    const failures = sum(failedStates);
    const [forecast, live, failed] = await Promise.all([
      forecastOf(record, view),
      sum(liveStates) === 0 ? [] : look(record, liveStates),
      failures === 0 ? [] : look(record, failedStates),
    ]);
    return {
      ...(forecast ? { forecast } : {}),
      slowest: slowestOf(live),
      failing: failuresOf(failed),
      ...(failed.length < failures ? { failingSample: { looked: failed.length, of: failures } } : {}),
    };
  }

  return async function withInsight(
    record: DeploymentRecord,
    view: DeploymentView,
  ): Promise<DeploymentDetail> {
    return { ...view, ...(await insightOf(record, view)) };
  };
}

function slowestOf(live: readonly Member[]): DeploymentDetail["slowest"] {
  const sentAt = ({ update }: Member) => update.sentAt ?? update.createdAt;
  return live
    .toSorted((a, b) => sentAt(a) - sentAt(b) || (a.identity < b.identity ? -1 : 1))
    .slice(0, slowestMax)
    .map((member) => ({
      identity: member.identity,
      updateId: updateIdOf(member.update.deploymentId, member.uid),
      state: member.update.state,
      attempt: member.update.attempt,
      sentAt: iso(sentAt(member)),
      ...(member.update.lastReportAt === undefined ? {} : { lastReportAt: iso(member.update.lastReportAt) }),
    }));
}

function failuresOf(failed: readonly Member[]): DeploymentDetail["failing"] {
  const groups = new Map<string, { failure: DeploymentDetail["failing"][number]; identities: string[] }>();
  for (const { identity, update } of failed) {
    const { reason, message } = update;
    if (reason === undefined) continue;
    const key = JSON.stringify([reason, message]);
    const identities = groups.get(key)?.identities ?? [];
    const failure = { reason, ...(message === undefined ? {} : { message }), count: 0, identities: [] };
    identities.push(identity);
    groups.set(key, { failure, identities });
  }
  return [...groups.values()]
    .map(({ failure, identities }) => ({
      ...failure,
      count: identities.length,
      identities: identities.toSorted().slice(0, namedMax),
    }))
    .toSorted((a, b) => b.count - a.count || (a.reason < b.reason ? -1 : 1));
}
