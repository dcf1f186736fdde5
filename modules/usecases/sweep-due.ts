import type { DeviceActions } from "./act-on-device.ts";
import type { DeviceStore, LoadedDevice } from "./ports.ts";

const batch = 200;

export type SweepDeps = {
  readonly devices: DeviceStore;
  readonly actOnMany: DeviceActions["actOnMany"];
  /** Devices for which there was nothing to do yet. */
  readonly putOff: (loaded: readonly LoadedDevice[]) => Promise<void>;
  readonly failPoint: (name: string) => void;
};

/** How a sweep went: devices judged, and how late the oldest of them was. */
export type Swept = { readonly judged: number; readonly oldestLateMs: number };

/**
 * Gives every device with something due the event `tick`, shard by shard, until nothing is due: a backlog does not
 * wait for the next sweep. Two sweeps at once do no harm, as the second finds nothing left to judge.
 */
export function makeSweepDue({ devices, actOnMany, putOff, failPoint }: SweepDeps) {
  async function sweepShard(shard: number): Promise<Swept> {
    let judged = 0;
    let oldestLateMs = 0;
    // What a tick leaves due (a race lost many times) must not make this turn for ever.
    for (let round = 0; round < 10_000; round++) {
      const due = await devices.due(shard, batch);
      if (due.oldestDueAt !== undefined) oldestLateMs = Math.max(oldestLateMs, due.now - due.oldestDueAt);
      if (due.refs.length === 0) break;
      failPoint("sweep:claimed");
      const { acted } = await actOnMany(due.refs, () => [{ type: "tick" }], {
        actor: { kind: "timer", id: "deadline" },
        movesDue: true,
      });
      failPoint("sweep:judged");
      await putOff(acted.flatMap(({ before, changed }) => (changed ? [] : [before])));
      judged += acted.length;
      const moved = acted.some(({ changed }) => changed);
      if (due.refs.length < batch || !moved) break;
    }
    return { judged, oldestLateMs };
  }

  return async function sweepDue(): Promise<Swept> {
    let judged = 0;
    let oldestLateMs = 0;
    for (let shard = 0; shard < devices.shardCount; shard++) {
      const swept = await sweepShard(shard);
      judged += swept.judged;
      oldestLateMs = Math.max(oldestLateMs, swept.oldestLateMs);
    }
    return { judged, oldestLateMs };
  };
}
