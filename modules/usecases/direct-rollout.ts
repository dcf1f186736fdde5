import { figuresOf, type GateFigures, trips } from "../otau/rollout-gate.ts";
import { isWaveDone } from "../otau/rollout-waves.ts";
import type {
  DeploymentChange,
  DeploymentRecord,
  DeploymentStore,
  DeviceStore,
  RolloutProgress,
} from "./ports.ts";

/** A retry that takes longer has ended with its process. */
const reopeningMaxMs = 60_000;
const system = { kind: "system", id: "rollout" } as const;

export type DirectRolloutDeps = {
  readonly devices: Pick<DeviceStore, "rollout" | "fence" | "now">;
  readonly deployments: Pick<DeploymentStore, "update" | "refresh">;
  /** The product's brake over all deployments of the package, if it trips. */
  readonly braked: (record: DeploymentRecord) => Promise<GateFigures | undefined>;
  /** Waiting updates that stood behind a deployment which no longer runs may go first. */
  readonly rejudge: (record: DeploymentRecord) => Promise<void>;
  readonly failPoint: (name: string) => void;
};

export type DirectRollout = (record: DeploymentRecord) => Promise<DeploymentRecord>;

/**
 * Decides what becomes of a running deployment: brake and gate first, then its waves. Each decision is a change of the
 * record as it was read, so that of two who decide at once only one gets through; answers the record as it is then.
 */
export function makeDirectRollout(deps: DirectRolloutDeps): DirectRollout {
  const { devices, deployments } = deps;

  async function changed(record: DeploymentRecord, change: DeploymentChange): Promise<DeploymentRecord> {
    const updated = await deployments.update(record, change, { fenced: true, actor: system });
    if (updated === undefined) return (await deployments.refresh(record.productId, record.id)) ?? record;
    deps.failPoint("rollout:recorded");
    await devices.fence(updated.id, updated.productId, updated.generation);
    if (change.state !== undefined) await deps.rejudge(updated);
    return updated;
  }

  return async function directRollout(record) {
    let present = record;
    // Each round opens one wave at most, and there is nothing to do after the last.
    for (let round = 0; round <= (record.waves?.length ?? 1); round++) {
      if (present.state !== "running") return present;
      const figures = await deps.braked(present);
      if (figures !== undefined) return changed(present, stopped("pause", figures));
      if (!isDirected(present)) return present;
      const wanted = decideRollout(present, await devices.rollout(present), await devices.now());
      if (wanted === undefined) return present;
      present = await changed(present, wanted);
    }
    return present;
  };
}

const isDirected = ({ gate, waves }: DeploymentRecord): boolean => gate !== undefined || waves !== undefined;

/** What is to change; a gate that trips on the last report of a wave keeps the next one closed. */
function decideRollout(
  record: DeploymentRecord,
  progress: RolloutProgress,
  now: number,
): DeploymentChange | undefined {
  const figures = record.gate && figuresOf(progress.outcomes, record.gate.requireConfirmed);
  if (record.gate && figures && trips(record.gate, figures)) return stopped(record.gate.then, figures);
  const waves = record.waves ?? [];
  const open = record.openWave ?? 1;
  if (open >= waves.length || record.wantsApproval !== undefined) return undefined;
  if (record.reopening !== undefined && now - record.reopening < reopeningMaxMs) return undefined;
  if (!isWaveDone(progress.waveMembers, progress.waveFinals, record.advancePercent ?? 100)) return undefined;
  return record.approval === "wave" ? { wantsApproval: now } : { openWave: open + 1, waveOpenedAt: now };
}

/** A gate that has tripped, as the record says it. */
function stopped(then: "pause" | "cancel", gateFigures: GateFigures): DeploymentChange {
  return then === "pause"
    ? { state: "halted", reason: "GATE", gateFigures }
    : { state: "canceled", reason: "GATE", gateFigures, sweeping: { reason: "GATE" } };
}
