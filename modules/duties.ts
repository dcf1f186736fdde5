import type { DutyRun } from "./adapters/bullmq/duty-runner.ts";
import type { Stores } from "./compose-stores.ts";
import type { FailPoint } from "./fail-point.ts";
import type { Duty } from "./usecases/ports.ts";
import type { Swept } from "./usecases/sweep-due.ts";

/** Preparations that were never accepted are dropped after this time: no request lives that long. */
const abandonedMs = 10 * 60_000;
const repairBatch = 200;

export type DutyDeps = {
  readonly stores: Stores;
  readonly sweep: () => Promise<Swept>;
  readonly conduct: {
    conduct(productId: string, deploymentId: string): Promise<unknown>;
    conductAll(): Promise<void>;
  };
  readonly fireTimers: () => Promise<unknown>;
  /** Carries new lines to webhooks; does not wait for slow ones. */
  readonly deliverWebhooks: () => Promise<void>;
  /** Begins the calls of connectors that are due; does not wait for their answers. */
  readonly callConnectors: () => Promise<void>;
  /** Notes calls that were never noted. */
  readonly healConnectors: () => Promise<void>;
  /** Moves old journal lines of the products out of the store. */
  readonly keepJournals: (productIds: readonly string[]) => Promise<void>;
  /** How the last sweep went, for readiness and metrics. */
  readonly swept: (swept: Swept) => void;
  readonly repaired: (count: number) => void;
  readonly failPoint: FailPoint;
};

/** What a worker does when it is woken. */
export function makeDuties({
  stores,
  sweep,
  conduct,
  fireTimers,
  deliverWebhooks,
  callConnectors,
  healConnectors,
  keepJournals,
  swept,
  repaired,
  failPoint,
}: DutyDeps): Record<Duty, DutyRun> {
  const { devices, deployments, products } = stores;
  const repairFrom = new Map<number, number>();

  async function conductDuty(subject: string | undefined): Promise<void> {
    if (subject === undefined) return conduct.conductAll();
    const [productId = "", deploymentId = ""] = subject.split("/");
    await conduct.conduct(productId, deploymentId);
  }

  /** A few devices of each shard at a time: a missing due member is a fault of ours, and is put right all the same. */
  async function repairDue(): Promise<void> {
    for (let shard = 0; shard < devices.shardCount; shard++) {
      const { repaired: count, next } = await devices.repairDue(
        shard,
        repairFrom.get(shard) ?? 0,
        repairBatch,
      );
      repairFrom.set(shard, next ?? 0);
      if (count > 0) repaired(count);
    }
  }

  /** What others are told over HTTP; a product that has none of it costs next to nothing. */
  async function deliverOut(): Promise<void> {
    await Promise.all([deliverWebhooks(), callConnectors()]);
  }

  async function dropAbandoned(): Promise<void> {
    for (const productId of await products.ids()) {
      for (const deploymentId of await deployments.prepared(productId, abandonedMs)) {
        await devices.unenrol(deploymentId, productId);
        await deployments.dropPrepared(productId, deploymentId);
      }
    }
  }

  return {
    sweep: async () => swept(await sweep()),
    conduct: conductDuty,
    relay: async () => {
      failPoint("relay:began");
      const moved = await stores.journal.relayAll();
      failPoint("relay:moved");
      if (moved > 0) await deliverOut();
    },
    webhook: deliverOut,
    timer: fireTimers,
    upkeep: async () => {
      await repairDue();
      await dropAbandoned();
      await healConnectors();
      await stores.journal.trimAll();
      await keepJournals(await products.ids());
    },
  };
}
