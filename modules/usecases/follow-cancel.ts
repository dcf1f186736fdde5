import type { DeviceEvent } from "../otau/model.ts";
import { isFinalState, updateStates } from "../otau/vocabulary.ts";
import type { DeviceActions } from "./act-on-device.ts";
import type { DeploymentRecord, DeploymentStore, DeviceStore } from "./ports.ts";

const chunk = 200;
const system = { kind: "system", id: "cancel" } as const;
const openStates = updateStates.filter((state) => !isFinalState(state));

export type FollowCancelDeps = {
  readonly devices: DeviceStore;
  readonly deployments: DeploymentStore;
  readonly actOnMany: DeviceActions["actOnMany"];
  readonly failPoint: (name: string) => void;
};

/**
 * A cancel or a withdrawal has been recorded in the deployment (`sweeping`); this ends its updates, in chunks. What
 * has ended already is left alone, so that it may be repeated after a crash. Answers the record without the task.
 */
export function makeFollowCancel({ devices, deployments, actOnMany, failPoint }: FollowCancelDeps) {
  async function cancelShard(record: DeploymentRecord, shard: number, event: DeviceEvent): Promise<void> {
    const states = record.sweeping?.onlyIn ?? openStates;
    let from: number | undefined = 0;
    while (from !== undefined) {
      const page = await devices.members(record.id, record.productId, shard, from, chunk, states);
      if (page.refs.length > 0) await actOnMany(page.refs, () => [event], { actor: system });
      failPoint("cancel:chunk");
      from = page.next;
    }
  }

  return async function followCancel(record: DeploymentRecord): Promise<DeploymentRecord> {
    const { sweeping } = record;
    if (sweeping === undefined) return record;
    const event: DeviceEvent = {
      type: "cancel",
      deploymentId: record.id,
      reason: sweeping.reason,
      ...(sweeping.onlyIn ? { onlyIn: sweeping.onlyIn } : {}),
    };
    for (let shard = 0; shard < devices.shardCount; shard++) await cancelShard(record, shard, event);
    const fresh = (await deployments.refresh(record.productId, record.id)) ?? record;
    if (fresh.sweeping === undefined) return fresh;
    return (await deployments.update(fresh, { sweeping: null }, { fenced: false, actor: system })) ?? fresh;
  };
}
