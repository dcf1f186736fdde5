import { z } from "zod";
import { figuresOf, gateSchema } from "../otau/rollout-gate.ts";
import { windowSchema } from "../otau/rollout-windows.ts";
import { totalsSchema } from "../otau/totals.ts";
import { deploymentStateSchema } from "../otau/vocabulary.ts";
import type { DeploymentRecord, RolloutProgress, Totals } from "./ports.ts";

const isoTime = z.iso.datetime();

/** Id of a deployment; which there are is for the store to say. */
export const deploymentIdSchema = z.string().min(1).max(128);

/** The open wave: its number, how many there are, its size, and how many of its updates are final. */
const waveViewSchema = z.strictObject({
  number: z.int(),
  of: z.int(),
  percent: z.number().meta({ description: "Share of all devices" }),
  size: z.int(),
  finals: z.int().optional(),
  openedAt: isoTime.optional(),
  wantsApprovalSince: isoTime.optional(),
});

/** What the gate has counted since the start or last resume; of a tripped one what it tripped by. */
const gateViewSchema = z.strictObject({ counted: z.int(), failed: z.int(), percent: z.number() });

/** A deployment as the app API shows it; an absent field means "not so". */
export const deploymentViewSchema = z
  .strictObject({
    id: z.string(),
    productId: z.string(),
    packageId: z.string().optional(),
    name: z.string(),
    version: z.string(),
    source: z.enum(["apply", "device2"]),
    state: deploymentStateSchema,
    reason: z.literal("GATE").optional(),
    resolving: z.boolean(),
    totals: totalsSchema,
    wave: waveViewSchema,
    gate: gateViewSchema.optional(),
    rollout: z.strictObject({
      waves: z.array(z.union([z.number(), z.strictObject({ count: z.int() })])),
      advancePercent: z.number(),
      approval: z.enum(["none", "wave"]),
      gate: gateSchema.nullable(),
      windows: z.array(windowSchema),
      joinLater: z.boolean(),
      maxConcurrent: z.int().nullable(),
      ratePerMinute: z.int().nullable(),
    }),
    options: z.record(z.string(), z.unknown()),
    startAt: isoTime.optional(),
    expiresAt: isoTime.optional(),
    createdAt: isoTime,
    createdBy: z.string(),
    endedAt: isoTime.optional(),
    otau_info: z.unknown().optional(),
    revision: z.int(),
  })
  .meta({ id: "Deployment" });
export type DeploymentView = z.infer<typeof deploymentViewSchema>;

const iso = (ms: number) => new Date(ms).toISOString();

/** The record with its totals, as the app API shows it. */
export function toDeploymentView(
  record: DeploymentRecord,
  totals: Totals,
  progress?: RolloutProgress,
): DeploymentView {
  const gate = gateView(record, progress);
  return {
    id: record.id,
    productId: record.productId,
    ...(record.packageId === "" ? {} : { packageId: record.packageId }),
    name: record.name,
    version: record.version,
    source: record.source,
    state: record.state,
    ...(record.reason ? { reason: record.reason } : {}),
    resolving: record.resolving,
    totals: { ...totals },
    wave: waveView(record, totals, progress),
    ...(gate ? { gate } : {}),
    rollout: {
      waves: record.waves?.map(({ percent, count }) => percent ?? { count }) ?? [100],
      advancePercent: record.advancePercent ?? 100,
      approval: record.approval ?? "none",
      gate: record.gate ?? null,
      windows: record.windows?.map((window) => ({ ...window })) ?? [],
      joinLater: record.joining ?? false,
      maxConcurrent: record.maxConcurrent ?? null,
      ratePerMinute: record.ratePerMinute ?? null,
    },
    options: (record.options ?? {}) as Record<string, unknown>,
    ...(record.startAt === undefined ? {} : { startAt: iso(record.startAt) }),
    ...(record.expiresAt === undefined ? {} : { expiresAt: iso(record.expiresAt) }),
    createdAt: iso(record.createdAt),
    createdBy: record.createdBy,
    ...(record.endedAt === undefined ? {} : { endedAt: iso(record.endedAt) }),
    ...(record.otauInfoText === "" ? {} : { otau_info: JSON.parse(record.otauInfoText) as unknown }),
    revision: record.revision,
  };
}

function waveView(record: DeploymentRecord, totals: Totals, progress?: RolloutProgress) {
  const { waves = [], openWave: number = 1, waveOpenedAt, wantsApproval } = record;
  const size = progress?.waveMembers ?? waves[number - 1]?.count ?? totals.total;
  return {
    number,
    of: Math.max(1, waves.length),
    percent: totals.total === 0 ? 100 : Math.round((size * 10_000) / totals.total) / 100,
    size,
    ...(progress ? { finals: progress.waveFinals } : {}),
    ...(waveOpenedAt === undefined ? {} : { openedAt: iso(waveOpenedAt) }),
    ...(wantsApproval === undefined ? {} : { wantsApprovalSince: iso(wantsApproval) }),
  };
}

function gateView({ gate, gateFigures }: DeploymentRecord, progress?: RolloutProgress) {
  if (gateFigures !== undefined) return gateFigures;
  return gate && progress && figuresOf(progress.outcomes, gate.requireConfirmed);
}

/** Several at once; `totals` stand in the order of the records. */
export const toDeploymentViews = (
  records: readonly DeploymentRecord[],
  totals: readonly Totals[],
): DeploymentView[] =>
  records.flatMap((record, index) => {
    const mine = totals[index];
    return mine === undefined ? [] : [toDeploymentView(record, mine)];
  });
