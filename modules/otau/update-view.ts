import { z } from "zod";
import { change } from "./change.ts";
import type { Deployment, Device, HistoryLine, Ms, Update } from "./model.ts";
import { packageOf } from "./package-of.ts";
import { updateIdOf } from "./update-id.ts";
import {
  actorKinds,
  decisionSchema,
  historyKinds,
  phases,
  reasonSchema,
  statusSchema,
  updateStateSchema,
} from "./vocabulary.ts";

const time = z.iso.datetime({ precision: 3 });
const count = z.int().min(0);
const yes = z.literal(true).optional();

export const correctionSchema = z.strictObject({
  at: time,
  from: updateStateSchema,
  to: updateStateSchema,
  cause: statusSchema,
});

/** An update as the app API shows it; an absent field means "not so". */
export const updateViewSchema = z.strictObject({
  id: z.string(),
  deploymentId: z.string(),
  productId: z.string(),
  identity: z.string(),
  packageId: z.string().optional(),
  version: z.string(),
  state: updateStateSchema,
  phase: z.enum(phases).optional(),
  status: statusSchema.optional(),
  message: z.string().optional(),
  attempt: count,
  maxAttempts: count,
  reason: reasonSchema.optional(),
  confirmed: z.boolean().optional(),
  late: yes,
  deviceMayFinish: yes,
  installedAnyway: yes,
  supersededBy: z.string().optional(),
  corrections: z.array(correctionSchema).optional(),
  createdAt: time,
  sentAt: time.optional(),
  deliveredAt: time.optional(),
  startedAt: time.optional(),
  lastReportAt: time.optional(),
  deadlineAt: time.optional(),
  retryAt: time.optional(),
  totalDeadlineAt: time.optional(),
  endedAt: time.optional(),
  revision: count,
});
export type UpdateView = z.infer<typeof updateViewSchema>;

/** A history line as the app API shows it. */
export const historyLineSchema = z.strictObject({
  seq: count,
  at: time,
  stampedAt: time.optional(),
  kind: z.enum(historyKinds),
  raw: z.string().optional(),
  status: statusSchema.optional(),
  version: z.string().optional(),
  message: z.string().optional(),
  cut: yes,
  clockWrong: yes,
  decision: decisionSchema.optional(),
  count: count.optional(),
  lastAt: time.optional(),
  updateId: z.string().optional(),
  attempt: count.optional(),
  from: updateStateSchema.optional(),
  to: updateStateSchema.optional(),
  reason: reasonSchema.optional(),
  actor: z.strictObject({ kind: z.enum(actorKinds), id: z.string() }),
  note: z.string().optional(),
});
export type HistoryLineView = z.infer<typeof historyLineSchema>;

function iso(at: Ms): string {
  return new Date(at).toISOString();
}

function isoOrNone(at: Ms | undefined): string | undefined {
  return at === undefined ? undefined : iso(at);
}

function correctionsView(update: Update): UpdateView["corrections"] {
  return update.corrections?.map((entry) => ({ ...entry, at: iso(entry.at) }));
}

/** An update as the app API shows it (contract 4, "Shapes"). */
export function toUpdateView(
  device: Pick<Device, "productId" | "identity" | "uid">,
  update: Update,
  deployment: Pick<Deployment, "packageId" | "version">,
): UpdateView {
  const { state, phase, status, message, attempt, maxAttempts, reason, confirmed, late, revision } = update;
  const { deviceMayFinish, installedAnyway, supersededBy } = update;
  const view: UpdateView = {
    id: updateIdOf(update.deploymentId, device.uid),
    deploymentId: update.deploymentId,
    productId: device.productId,
    identity: device.identity,
    version: deployment.version,
    state,
    attempt,
    maxAttempts,
    createdAt: iso(update.createdAt),
    revision,
  };
  return change(view, {
    packageId: packageOf(deployment),
    phase,
    status,
    message,
    reason,
    confirmed,
    late,
    deviceMayFinish,
    installedAnyway,
    supersededBy: supersededBy === undefined ? undefined : updateIdOf(supersededBy, device.uid),
    corrections: correctionsView(update),
    sentAt: isoOrNone(update.sentAt),
    deliveredAt: isoOrNone(update.deliveredAt),
    startedAt: isoOrNone(update.startedAt),
    lastReportAt: isoOrNone(update.lastReportAt),
    deadlineAt: isoOrNone(update.deadlineAt),
    retryAt: isoOrNone(update.retryAt),
    totalDeadlineAt: isoOrNone(update.totalDeadlineAt),
    endedAt: isoOrNone(update.endedAt),
  });
}

/** A history line as the app API shows it. */
export function toHistoryView(line: HistoryLine, device: Pick<Device, "uid">): HistoryLineView {
  const { deploymentId, at, stampedAt, lastAt, ...rest } = line;
  return change<HistoryLineView>(
    { ...rest, at: iso(at) },
    {
      stampedAt: isoOrNone(stampedAt),
      lastAt: isoOrNone(lastAt),
      updateId: deploymentId === undefined ? undefined : updateIdOf(deploymentId, device.uid),
    },
  );
}
