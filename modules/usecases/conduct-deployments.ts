import type { DeviceEvent } from "../otau/model.ts";
import { type FinalState, finalStates, updateStates } from "../otau/vocabulary.ts";
import type { DeviceActions } from "./act-on-device.ts";
import type {
  AlarmClock,
  DeploymentRecord,
  DeploymentStore,
  DeviceStore,
  ProductStore,
  Totals,
} from "./ports.ts";
import type { ReleaseRound } from "./release-deployment.ts";

const dirtyBatch = 200;
const chunk = 200;
const system = { kind: "system", id: "conduct" } as const;

export type ConductDeps = {
  readonly devices: DeviceStore;
  readonly deployments: DeploymentStore;
  readonly products: Pick<ProductStore, "ids">;
  readonly actOnMany: DeviceActions["actOnMany"];
  readonly release: (deployment: DeploymentRecord) => Promise<ReleaseRound>;
  readonly alarm: AlarmClock;
  /** Runs the function at that time by the store's clock, if this process still lives. */
  readonly at: (time: number, run: () => void) => void;
  readonly failPoint: (name: string) => void;
};

const isOver = (totals: Totals): boolean =>
  totals.total > 0 && totals.total === finalStates.reduce((sum, state: FinalState) => sum + totals[state], 0);

/**
 * Keeps deployments in step with their updates: starts what was scheduled, releases what is ready, carries out a
 * cancel in chunks, and sees when all is final. Everything it needs is in the store, so any process may go on where
 * another stopped; doing it twice changes nothing.
 */
export function makeConductDeployments(deps: ConductDeps) {
  const { devices, deployments } = deps;

  async function start(record: DeploymentRecord): Promise<DeploymentRecord> {
    if (record.state !== "scheduled" || record.startAt === undefined) return record;
    if ((await devices.now()) < record.startAt) return record;
    const started = await deployments.update(record, { state: "running" }, { fenced: true, actor: system });
    return started ? fenced(started) : record;
  }

  async function fenced(record: DeploymentRecord): Promise<DeploymentRecord> {
    await devices.fence(record.id, record.productId, record.generation);
    return record;
  }

  /** A cancel or a withdrawal ends the updates in chunks; what it finds ended already is left alone. */
  async function followCancel(record: DeploymentRecord): Promise<DeploymentRecord> {
    const { sweeping } = record;
    if (sweeping === undefined) return record;
    const states =
      sweeping.onlyIn ?? updateStates.filter((state) => !(finalStates as readonly string[]).includes(state));
    for (let shard = 0; shard < devices.shardCount; shard++) {
      await forMembers(record, shard, states, (deploymentId) => ({
        type: "cancel",
        deploymentId,
        reason: sweeping.reason,
        ...(sweeping.onlyIn ? { onlyIn: sweeping.onlyIn } : {}),
      }));
    }
    deps.failPoint("cancel:followed");
    const fresh = (await deployments.refresh(record.productId, record.id)) ?? record;
    return (await deployments.update(fresh, { sweeping: null }, { fenced: false, actor: system })) ?? fresh;
  }

  async function forMembers(
    record: DeploymentRecord,
    shard: number,
    states: readonly (typeof updateStates)[number][],
    event: (deploymentId: string) => DeviceEvent,
  ): Promise<void> {
    let from = 0;
    for (;;) {
      const page = await devices.members(record.id, record.productId, shard, from, chunk, states);
      if (page.refs.length > 0)
        await deps.actOnMany(page.refs, () => [event(record.id)], { actor: system, past: true });
      if (page.next === undefined) return;
      from = page.next;
    }
  }

  async function finish(record: DeploymentRecord, totals: Totals): Promise<void> {
    if (record.resolving || record.sweeping !== undefined || !isOver(totals) || record.endedAt !== undefined)
      return;
    const endedAt = await devices.now();
    const state = record.state === "canceled" ? "canceled" : "finished";
    await deployments.update(record, { state, endedAt }, { fenced: false, actor: system });
  }

  /** Looks after one deployment. `again` = it wants to be looked after once more soon. */
  async function conduct(productId: string, deploymentId: string): Promise<{ again: boolean }> {
    const found = await deployments.refresh(productId, deploymentId);
    if (found === undefined) return { again: true };
    const record = await followCancel(await start(found));
    const round = await deps.release(record);
    if (round.nextAt !== undefined)
      deps.at(round.nextAt, () => deps.alarm.wake("conduct", `${productId}/${deploymentId}`));
    const totals = await devices.totals(deploymentId);
    await finish((await deployments.refresh(productId, deploymentId)) ?? record, totals);
    return { again: round.unfinished };
  }

  async function conductDirty(shard: number): Promise<number> {
    const dirty = await devices.dirtyDeployments(shard, dirtyBatch);
    for (const { deploymentId, productId, mark } of dirty) {
      const { again } = await conduct(productId, deploymentId);
      if (!again) await devices.settle(shard, productId, deploymentId, mark);
    }
    return dirty.length;
  }

  /** Scheduled ones have no event of their own; there are few. */
  async function conductScheduled(): Promise<void> {
    for (const productId of await deps.products.ids()) {
      const { items } = await deployments.list(productId, { states: ["scheduled"], limit: 500 });
      for (const { id } of items) await conduct(productId, id);
    }
  }

  async function conductAll(): Promise<void> {
    for (let shard = 0; shard < devices.shardCount; shard++) await conductDirty(shard);
    await conductScheduled();
  }

  return { conduct, conductAll };
}
