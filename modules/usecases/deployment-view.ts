import { z } from "zod";
import { totalsSchema } from "../otau/totals.ts";
import { deploymentStateSchema } from "../otau/vocabulary.ts";
import type { DeploymentRecord, Totals } from "./ports.ts";

const isoTime = z.iso.datetime();

/** Id of a deployment; which there are is for the store to say. */
export const deploymentIdSchema = z.string().min(1).max(128);

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
    wave: z.strictObject({ number: z.int(), of: z.int(), percent: z.number() }),
    rollout: z.strictObject({
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
export function toDeploymentView(record: DeploymentRecord, totals: Totals): DeploymentView {
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
    wave: { number: 1, of: 1, percent: 100 },
    rollout: { maxConcurrent: record.maxConcurrent ?? null, ratePerMinute: record.ratePerMinute ?? null },
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

/** Several at once; `totals` stand in the order of the records. */
export const toDeploymentViews = (
  records: readonly DeploymentRecord[],
  totals: readonly Totals[],
): DeploymentView[] =>
  records.flatMap((record, index) => {
    const mine = totals[index];
    return mine === undefined ? [] : [toDeploymentView(record, mine)];
  });
