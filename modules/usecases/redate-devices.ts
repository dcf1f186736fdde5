import { dueAt } from "../otau/due.ts";
import type { Limits, Outage } from "../otau/model.ts";
import type { DeploymentRecord, DeploymentStore, DeviceStore, LoadedDevice } from "./ports.ts";

const chunk = 200;
const system = { kind: "system", id: "expiry" } as const;
/** States that `expiresAt` ends. */
const expiring = ["waiting", "retrying", "sent"] as const;

export type RedateDeps = {
  readonly devices: DeviceStore;
  readonly deployments: Pick<DeploymentStore, "update">;
  readonly limitsOf: (productId: string) => Promise<Limits>;
  readonly outages: () => Promise<readonly Outage[]>;
  readonly failPoint: (name: string) => void;
};

/** Puts right when devices are due where that changed without a change of the device. */
export function makeRedateDevices({ devices, deployments, limitsOf, outages, failPoint }: RedateDeps) {
  /** Devices whose time had come and for which there was nothing to do: the next sweep must not find them again. */
  async function putOff(loaded: readonly LoadedDevice[]): Promise<void> {
    const known = await outages();
    const entries = await Promise.all(
      loaded.map(async ({ device, deployments: of, now }) => {
        const at = dueAt(device, of, await limitsOf(device.productId), known);
        // What an outage holds stays due: its end is not known yet.
        return at !== undefined && at <= now ? [] : [{ device, dueAt: at }];
      }),
    );
    if (loaded.length > 0) await devices.setDue(entries.flat());
  }

  async function redateShard(record: DeploymentRecord, shard: number): Promise<void> {
    let from: number | undefined = 0;
    while (from !== undefined) {
      const page = await devices.members(record.id, record.productId, shard, from, chunk, expiring);
      const limits = await limitsOf(record.productId);
      const loaded = await devices.loadMany(page.refs);
      const entries = loaded.flatMap((entry) =>
        entry ? [{ device: entry.device, dueAt: dueAt(entry.device, entry.deployments, limits) }] : [],
      );
      if (entries.length > 0) await devices.setDue(entries);
      failPoint("redate:chunk");
      from = page.next;
    }
  }

  /** Members become due by the deployment's present `expiresAt`; answers the record without the task. */
  async function redate(record: DeploymentRecord): Promise<DeploymentRecord> {
    if (record.redating === undefined) return record;
    for (let shard = 0; shard < devices.shardCount; shard++) await redateShard(record, shard);
    // One that changed again keeps the task: the next round does it anew.
    const done = await deployments.update(record, { redating: null }, { fenced: false, actor: system });
    return done ?? record;
  }

  return { redate, putOff };
}
