import { type FinalState, finalStates } from "../otau/vocabulary.ts";
import type { DirectRollout } from "./direct-rollout.ts";
import type {
  AlarmClock,
  DeploymentRecord,
  DeploymentStore,
  DeviceStore,
  ProductStore,
  TellTotals,
  Totals,
} from "./ports.ts";
import type { ReleaseRound } from "./release-deployment.ts";

/** Those that sleep until a window opens are read as well, and passed over. */
const dirtyBatch = 2000;
/** Later times are not waited for but looked at: the passes come often enough. */
const alarmWithinMs = 60_000;
/** An outage that ends may open a window at any time, and nobody tells of it. */
const sleepMaxMs = 10_000;
/** How often it is looked who has come to match a target. */
const joinEveryMs = 2000;
const system = { kind: "system", id: "conduct" } as const;

export type ConductDeps = {
  readonly devices: DeviceStore;
  readonly deployments: DeploymentStore;
  readonly products: Pick<ProductStore, "ids">;
  readonly followCancel: (record: DeploymentRecord) => Promise<DeploymentRecord>;
  readonly directRollout: DirectRollout;
  /** Stores members of a target; undefined: another process is at it. */
  readonly resolve: (record: DeploymentRecord) => Promise<DeploymentRecord | undefined>;
  /** Takes in who has come to match the target. */
  readonly join: (record: DeploymentRecord) => Promise<DeploymentRecord>;
  readonly redate: (record: DeploymentRecord) => Promise<DeploymentRecord>;
  readonly release: (deployment: DeploymentRecord) => Promise<ReleaseRound>;
  readonly tellTotals: TellTotals;
  readonly alarm: AlarmClock;
  readonly failPoint: (name: string) => void;
  /** Runs the function at that time by the store's clock, if this process still lives. */
  readonly at: (time: number, run: () => void) => void;
};

/** `again` = it wants to be looked after once more soon, or at `sleepsUntil`. */
type Conducted = { readonly again: boolean; readonly sleepsUntil?: number };

const isOver = (totals: Totals): boolean =>
  totals.total > 0 && totals.total === finalStates.reduce((sum, state: FinalState) => sum + totals[state], 0);

/**
 * Keeps deployments in step with their updates: starts what was scheduled, releases what is ready, carries out a
 * cancel in chunks, and sees when all is final. Everything it needs is in the store, so any process may go on where
 * another stopped; doing it twice changes nothing.
 */
export function makeConductDeployments(deps: ConductDeps) {
  const { devices, deployments } = deps;
  /** Deployments with nothing to do until then, unless their mark changes; a new process finds out by itself. */
  const asleep = new Map<string, { readonly mark: string; readonly until: number }>();

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

  async function finish(record: DeploymentRecord, totals: Totals): Promise<void> {
    const isEmpty = totals.total === 0 && record.expectedTotal === 0;
    if (!(isOver(totals) || isEmpty) || record.endedAt !== undefined) return;
    if (record.resolving || record.joining || record.sweeping !== undefined) return;
    const endedAt = await devices.now();
    const state = record.state === "canceled" ? "canceled" : "finished";
    await deployments.update(record, { state, endedAt }, { fenced: false, actor: system });
    deps.failPoint("conduct:finished");
  }

  /** An update was reopened just when its deployment was found to be over: it goes on. */
  async function reopened(record: DeploymentRecord, totals: Totals): Promise<boolean> {
    if (record.state !== "finished" || totals.total === 0 || isOver(totals)) return false;
    await deployments.update(record, { state: "running", endedAt: null }, { fenced: true, actor: system });
    return true;
  }

  /** Members were stored while it was canceled: they are to end as well. */
  async function leftBehind(record: DeploymentRecord, totals: Totals): Promise<boolean> {
    if (record.state !== "canceled" || record.sweeping || totals.total === 0 || isOver(totals)) return false;
    const reason = record.reason ?? "CANCELED";
    await deployments.update(record, { sweeping: { reason } }, { fenced: false, actor: system });
    return true;
  }

  /** Looks after one deployment. `again` = it wants to be looked after once more soon. */
  async function conduct(productId: string, deploymentId: string): Promise<Conducted> {
    const found = await deployments.refresh(productId, deploymentId);
    if (found === undefined) return { again: true };
    // Its gate may cancel it: then its updates follow at once.
    const resolved = await deps.resolve(await start(found));
    if (resolved === undefined) return { again: true };
    const begun = await deps.redate(await deps.followCancel(resolved));
    const directed = await deps.directRollout(await deps.join(begun));
    const record = await deps.followCancel(directed);
    const round = await deps.release(record);
    if (round.nextAt !== undefined && round.nextAt < (await devices.now()) + alarmWithinMs)
      deps.at(round.nextAt, () => deps.alarm.wake("conduct", `${productId}/${deploymentId}`));
    const totals = await devices.totals(deploymentId);
    const fresh = (await deployments.refresh(productId, deploymentId)) ?? record;
    if (await reopened(fresh, totals)) return { again: true };
    if (await leftBehind(fresh, totals)) return { again: true };
    const told = fresh.resolving ? "same" : await deps.tellTotals(fresh, totals);
    await finish(fresh, totals);
    const isBusy = told === "early" || (round.unfinished && !round.sleeps);
    if (isBusy) return { again: true };
    if (fresh.joining) return { again: true, sleepsUntil: (await devices.now()) + joinEveryMs };
    if (round.sleeps) return { again: true, sleepsUntil: round.nextAt ?? Number.POSITIVE_INFINITY };
    return { again: false };
  }

  async function conductDirty(shard: number, now: number): Promise<number> {
    const dirty = await devices.dirtyDeployments(shard, dirtyBatch);
    for (const { deploymentId, productId, mark } of dirty) {
      const key = `${shard}/${deploymentId}`;
      const sleep = asleep.get(key);
      if (sleep?.mark === mark && now < sleep.until) continue;
      asleep.delete(key);
      const { again, sleepsUntil } = await conduct(productId, deploymentId);
      if (!again) await devices.settle(shard, productId, deploymentId, mark);
      else if (sleepsUntil !== undefined)
        asleep.set(key, { mark, until: Math.min(sleepsUntil, now + sleepMaxMs) });
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
    const now = await devices.now();
    for (let shard = 0; shard < devices.shardCount; shard++) await conductDirty(shard, now);
    await conductScheduled();
  }

  return { conduct, conductAll };
}
