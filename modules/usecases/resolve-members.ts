import type { DeploymentRecord, DeploymentStore, DeviceStore, Leases } from "./ports.ts";

const chunk = 1000;
const leaseMs = 4000;
const racesMax = 8;
const system = { kind: "system", id: "members" } as const;

export type ResolveDeps = {
  readonly devices: DeviceStore;
  readonly deployments: Pick<DeploymentStore, "get" | "refresh" | "update">;
  readonly leases: Leases;
  readonly holder: string;
  readonly failPoint: (name: string) => void;
};

/** Stores the members of a target in chunks, and takes in who comes to match later. */
export function makeResolveMembers({ devices, deployments, leases, holder, failPoint }: ResolveDeps) {
  async function isCalledOff({ productId, id }: DeploymentRecord): Promise<boolean> {
    return (await deployments.get(productId, id))?.state === "canceled";
  }

  /** False when somebody else goes on with it. */
  async function storeShard(record: DeploymentRecord, shard: number): Promise<boolean> {
    let from: number | undefined = 0;
    while (from !== undefined && !(await isCalledOff(record))) {
      const page = await devices.frozenMembers(record.id, record.productId, shard, from, chunk);
      const identities = page.refs.map(({ identity }) => identity);
      if (identities.length > 0)
        await devices.enrol(record.id, record.productId, identities, record.expiresAt);
      failPoint("resolve:chunk");
      if (!(await leases.renew(leaseName(record), holder, leaseMs))) return false;
      from = page.next;
    }
    return true;
  }

  async function finish(record: DeploymentRecord): Promise<DeploymentRecord> {
    const { total } = await devices.totals(record.id);
    let present = record;
    for (let race = 0; race < racesMax; race++) {
      const change = { resolving: false, expectedTotal: total };
      const done = await deployments.update(present, change, { fenced: false, actor: system });
      if (done !== undefined) {
        await devices.dropTarget(record.id);
        return done;
      }
      present = (await deployments.refresh(record.productId, record.id)) ?? present;
      if (!present.resolving) return present;
    }
    return present;
  }

  /**
   * Stores every member of a frozen target; doing it again changes nothing, so that a crash anywhere is resumed.
   * Of a canceled deployment the rest is left out. Undefined: another process is at it.
   */
  async function resolve(record: DeploymentRecord): Promise<DeploymentRecord | undefined> {
    if (!record.resolving) return record;
    const lease = await leases.acquire(leaseName(record), holder, leaseMs);
    if (lease === undefined) return undefined;
    try {
      for (let shard = 0; shard < devices.shardCount; shard++) {
        if (!(await storeShard(record, shard))) return undefined;
      }
      const present = await finish(record);
      return present.resolving ? undefined : present;
    } finally {
      await leases.release(leaseName(record), holder);
    }
  }

  /** Takes in devices that match the target now; ends when the deployment does, or its `expiresAt` has come. */
  async function join(record: DeploymentRecord): Promise<DeploymentRecord> {
    const { joining, target, state, expiresAt = Number.POSITIVE_INFINITY } = record;
    if (joining === undefined || target === undefined || record.resolving) return record;
    if (state === "canceled" || (await devices.now()) >= expiresAt) {
      const done = await deployments.update(record, { joining: null }, { fenced: false, actor: system });
      return done ?? record;
    }
    if (state === "scheduled" || record.withdrawn) return record;
    const identities = await devices.joinable(record.id, record.productId, target, chunk);
    if (identities.length > 0) await devices.enrol(record.id, record.productId, identities, record.expiresAt);
    return record;
  }

  return { resolve, join };
}

const leaseName = ({ id }: DeploymentRecord) => `resolve/${id}`;
