import { z } from "zod";
import { identitySchema, tagNameSchema, tagValueSchema } from "../otau/ids.ts";
import { confirmSchema, onActiveSchema, retrySchema, timeoutsSchema } from "../otau/policy.ts";
import { gateSchema } from "../otau/rollout-gate.ts";
import { faultOfWaves } from "../otau/rollout-waves.ts";
import { windowSchema } from "../otau/rollout-windows.ts";
import { deploymentViewSchema } from "./deployment-view.ts";
import type { DeviceFilter } from "./ports.ts";

/** Most devices that one list may name. */
export const applyDevicesMax = 10_000;

const timeSchema = z.iso.datetime({
  offset: true,
  error: "must be an ISO 8601 time such as 2027-01-31T02:00:00Z",
});

const limitSchema = z.int().min(1).max(10_000_000).nullable().optional();

const waveSchema = z.union([
  z.number().gt(0).max(100),
  z.strictObject({ count: z.int().min(1).max(10_000_000) }),
]);

/** `none`: the next wave opens by itself. `wave`: each but the first is opened by an operator. */
export const approvalSchema = z.enum(["none", "wave"]);

/** How fast a deployment goes, in which stages, and when it stops itself. */
export const rolloutSchema = z.strictObject({
  waves: z
    .array(waveSchema)
    .min(1)
    .max(100)
    .superRefine((waves, issues) => {
      const fault = faultOfWaves(waves);
      if (fault !== undefined) issues.addIssue({ code: "custom", message: fault });
    })
    .optional()
    .meta({
      description:
        "Shares of the devices in percent, or numbers of devices. Percentages add up to 100 and are of what the numbers leave over; devices that no wave names form a last one.",
    }),
  advancePercent: z
    .number()
    .gt(0)
    .max(100)
    .optional()
    .meta({ description: "The next wave opens when this share of the open one is final; 100 by default" }),
  approval: approvalSchema.optional(),
  windows: z
    .array(windowSchema)
    .min(1)
    .max(20)
    .nullable()
    .optional()
    .meta({ description: "Devices are written to in these times alone" }),
  gate: gateSchema.nullable().optional(),
  maxConcurrent: limitSchema,
  ratePerMinute: limitSchema,
  joinLater: z.boolean().optional().meta({
    description: "Devices that come to match the target are taken in, until the deployment is ended",
  }),
});

/** What may be changed of a deployment while it goes on; `null` lifts a limit. */
export const deploymentPatchSchema = z.strictObject({
  rollout: z.strictObject({ maxConcurrent: limitSchema, ratePerMinute: limitSchema }).optional(),
  gate: gateSchema.nullable().optional(),
  expiresAt: timeSchema.nullable().optional(),
});
export type DeploymentPatch = z.infer<typeof deploymentPatchSchema>;

export const applyOptionsSchema = z.strictObject({
  force: z.boolean().optional(),
  onActive: onActiveSchema.optional(),
  confirm: confirmSchema.optional(),
  timeouts: timeoutsSchema.optional(),
  retry: retrySchema.optional(),
  startAt: timeSchema.nullable().optional(),
  expiresAt: timeSchema.nullable().optional(),
  dryRun: z.boolean().optional(),
  allowDowngrade: z
    .boolean()
    .optional()
    .meta({ description: "Devices with a newer version get it too, whatever the product says" }),
  rollout: rolloutSchema.optional(),
});
export type ApplyOptions = z.infer<typeof applyOptionsSchema>;

export const targetSchema = z
  .strictObject({
    all: z.literal(true).optional(),
    tags: z.record(tagNameSchema, tagValueSchema).optional(),
    installedVersion: z.array(z.string().min(1).max(128)).min(1).max(100).optional(),
  })
  // No tags at all would mean every device without anybody having said so.
  .refine(({ all, tags = {}, installedVersion }) => all || installedVersion || Object.keys(tags).length > 0, {
    error: 'must name a condition: "all": true, "tags" or "installedVersion"',
  });
export type Target = z.infer<typeof targetSchema>;

/** Body of an apply: a list of devices, or a target. */
export const applyBodySchema = z
  .strictObject({
    devices: z.array(identitySchema).optional(),
    target: targetSchema.optional(),
    onUnknown: z.enum(["reject", "skip"]).optional(),
    options: applyOptionsSchema.optional(),
  })
  .refine((body) => (body.devices === undefined) !== (body.target === undefined), {
    error: 'must have either "devices" or "target"',
  })
  .refine((body) => body.target !== undefined || !body.options?.rollout?.joinLater, {
    path: ["options", "rollout", "joinLater"],
    error: 'needs a "target" that devices may come to match',
  });
export type ApplyBody = z.infer<typeof applyBodySchema>;

/** Answer of an apply that was accepted; `unknown` names devices that were skipped. */
export const applyReplySchema = z.strictObject({
  deployment: deploymentViewSchema,
  unknown: z.strictObject({ count: z.int(), identities: z.array(z.string()) }).optional(),
});

/** Answer of an apply that was only tried out. */
export const dryRunReplySchema = z.strictObject({
  total: z.int(),
  skipped: z.record(z.string(), z.int()).meta({ description: "How many would end at once, by reason" }),
  sample: z.array(z.string()).meta({ description: "Some of the devices that would get it" }),
  forecastMs: z
    .int()
    .nullable()
    .meta({ description: "How long the writes would take by start, rate and windows; null = for years" }),
});

/** The devices a target means. All conditions hold together. */
export function filterOfTarget(target: Target): DeviceFilter {
  const tags = Object.entries(target.tags ?? {}).map(([name, value]) => [name, [value]] as const);
  return {
    ...(tags.length > 0 ? { tags: Object.fromEntries(tags) } : {}),
    ...(target.installedVersion ? { installedVersion: target.installedVersion } : {}),
  };
}
