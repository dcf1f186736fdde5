import type { Device } from "../otau/model.ts";
import { waveOf } from "../otau/rollout-waves.ts";
import type { RolloutFacts } from "../otau/why-facts.ts";
import type { JudgeWindows } from "./judge-windows.ts";
import type { ContentStore, DeploymentRecord, DeploymentStore, DeviceStore } from "./ports.ts";

export type RolloutFactsDeps = {
  readonly devices: Pick<DeviceStore, "slotsHeld" | "rollout" | "placeOf" | "now">;
  readonly deployments: Pick<DeploymentStore, "takeRate">;
  readonly content: Pick<ContentStore, "get">;
  readonly judgeWindows: JudgeWindows;
};

/** What a deployment's rollout stands in the way with, as it is now. */
export function makeRolloutFacts({ devices, deployments, content, judgeWindows }: RolloutFactsDeps) {
  async function withdrawnOf(record: DeploymentRecord): Promise<Pick<RolloutFacts, "withdrawn">> {
    if (!record.withdrawn) return {};
    const item = await content.get(record.productId, record.packageId);
    return item?.withdrawn ? { withdrawn: item.withdrawn } : {};
  }

  async function rateOf({
    productId,
    id,
    ratePerMinute,
  }: DeploymentRecord): Promise<Pick<RolloutFacts, "rate">> {
    if (ratePerMinute === undefined) return {};
    // Asking for no place takes none, and tells when the next one is free.
    const { nextAt } = await deployments.takeRate(productId, id, ratePerMinute, 0);
    return { rate: { perMinute: ratePerMinute, nextAt } };
  }

  async function slotsOf({ id, maxConcurrent }: DeploymentRecord): Promise<Pick<RolloutFacts, "slots">> {
    if (maxConcurrent === undefined) return {};
    return { slots: { held: await devices.slotsHeld(id), max: maxConcurrent } };
  }

  /** How far the open wave is, when the device is in a later one. */
  async function waveFactsOf(record: DeploymentRecord, device: Device): Promise<Pick<RolloutFacts, "wave">> {
    const { waves, openWave = 1, advancePercent = 100, waveOpenedAt, wantsApproval } = record;
    const place = devices.placeOf(device);
    if (waves === undefined || place === undefined) return {};
    const own = waveOf(waves, place);
    if (own <= openWave) return {};
    const { waveMembers, waveFinals } = await devices.rollout(record);
    const wave = {
      ...{ own, open: openWave, of: waves.length, advancePercent },
      ...{ finals: waveFinals, size: waveMembers },
      ...(wantsApproval === undefined ? {} : { approvalSince: wantsApproval }),
      ...(waveOpenedAt === undefined ? {} : { openSince: waveOpenedAt }),
    };
    return { wave };
  }

  async function windowFactsOf(
    record: DeploymentRecord,
    device: Device,
  ): Promise<Pick<RolloutFacts, "window">> {
    const state = (await judgeWindows(record, await devices.now()))?.stateFor(device.tags);
    if (state === undefined || state.isOpen) return {};
    const { opensAt, closedAt } = state;
    return {
      window: {
        ...(opensAt === undefined ? {} : { opensAt }),
        ...(closedAt === undefined ? {} : { closedAt }),
      },
    };
  }

  return async function rolloutFactsOf(record: DeploymentRecord, device: Device): Promise<RolloutFacts> {
    const found = await Promise.all([
      withdrawnOf(record),
      rateOf(record),
      slotsOf(record),
      waveFactsOf(record, device),
      windowFactsOf(record, device),
    ]);
    const { stateSince, startAt, gate, gateFigures } = record;
    const limit = gate === undefined ? {} : { maxFailedPercent: gate.maxFailedPercent };
    return Object.assign(
      {
        ...(stateSince === undefined ? {} : { stateSince }),
        ...(startAt === undefined ? {} : { startAt }),
        ...(gateFigures === undefined ? {} : { gate: { ...gateFigures, ...limit } }),
      },
      ...found,
    );
  };
}
