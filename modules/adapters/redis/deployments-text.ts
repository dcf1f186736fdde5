import type { Ms } from "../../otau/model.ts";
import { packageOf } from "../../otau/package-of.ts";
import type { Actor, DeploymentState } from "../../otau/vocabulary.ts";
import type { DeploymentChange, DeploymentDraft, DeploymentRecord } from "../../usecases/ports.ts";

/** Fields that may change; all others of a record are fixed once it is accepted. */
const mutableFields = {
  state: true,
  stateSince: true,
  reason: true,
  endedAt: true,
  resolving: true,
  sweeping: true,
  expiresAt: true,
  maxConcurrent: true,
  ratePerMinute: true,
  expectedTotal: true,
  openWave: true,
  waveOpenedAt: true,
  wantsApproval: true,
  gate: true,
  gateEpoch: true,
  gateSince: true,
  gateFigures: true,
  brakeFrom: true,
  joining: true,
  reopening: true,
  redating: true,
} as const satisfies Record<keyof DeploymentChange | "stateSince", true>;

type MutableField = keyof typeof mutableFields;
type Mutable = Pick<DeploymentRecord, MutableField>;
/** What an accept fixes for ever. */
export type DeploymentFixed = Omit<DeploymentDraft, MutableField>;
/** The rest of a record, as a read finds it. */
export type DeploymentVarying = Mutable & Pick<DeploymentRecord, "revision" | "generation" | "withdrawn">;

const isMutable = (field: string): field is MutableField => Object.hasOwn(mutableFields, field);

/** The two texts a deployment is stored as. */
export function deploymentTexts(draft: DeploymentDraft): { fixed: string; mutable: string } {
  const fields = Object.entries(draft);
  const pick = (wanted: boolean) =>
    JSON.stringify(Object.fromEntries(fields.filter(([name]) => isMutable(name) === wanted)));
  return { fixed: pick(false), mutable: pick(true) };
}

export function readFixed(text: string): DeploymentFixed {
  return JSON.parse(text) as DeploymentFixed;
}

export function readMutable(text: string): Mutable {
  return JSON.parse(text) as Mutable;
}

/** The mutable part after a change made now; `null` takes a field away. */
export function changedMutable(record: DeploymentRecord, change: DeploymentChange, now: Ms): Mutable {
  const present = Object.entries(record).filter(([name]) => isMutable(name));
  const moved = change.state !== undefined && change.state !== record.state;
  const next = { ...Object.fromEntries(present), ...(moved ? { stateSince: now } : {}), ...change };
  const kept = Object.entries(next).filter(([, value]) => value !== null && value !== undefined);
  return { resolving: false, ...Object.fromEntries(kept) } as Mutable;
}

/** Whether some of its updates may not be final yet, or are still to follow a cancel. */
export function isOpen({ state, endedAt, resolving, sweeping }: Mutable): boolean {
  if (resolving || sweeping !== undefined) return true;
  return !(state === "finished" || (state === "canceled" && endedAt !== undefined));
}

/** A record without what may change. */
export function withoutMutable(record: DeploymentRecord): Omit<DeploymentRecord, MutableField> {
  const fields = Object.entries(record).filter(([name]) => !isMutable(name));
  return Object.fromEntries(fields) as Omit<DeploymentRecord, MutableField>;
}

/** The journal line of a change; `from` and `to` only where the state changed. */
export function deploymentEvent(
  deployment: Pick<DeploymentRecord, "id" | "packageId" | "version">,
  change: { from?: DeploymentState; to: DeploymentState; reason: string | undefined },
  actor: Actor,
): string {
  const moved = change.from === change.to ? {} : { from: change.from, to: change.to };
  const { id, version } = deployment;
  const packageId = packageOf(deployment);
  const event = { type: "deployment.changed", deploymentId: id, packageId, version, ...moved };
  return JSON.stringify({ ...event, reason: change.reason, actor });
}
