import type { OpenAlarmClock } from "./adapters/bullmq/alarm-clock.ts";
import type { Store } from "./adapters/redis-server/store.ts";
import type { Stores } from "./compose-stores.ts";
import type { Metrics } from "./metrics.ts";
import type { Swept } from "./usecases/sweep-due.ts";
import { makeWatchHealth } from "./usecases/watch-health.ts";

/** A deadline that is due for so long has been missed. */
const oldestDueMaxMs = 10_000;
/** So long without a sweep is a worker that stands still. */
const sweepSilenceMaxMs = 5000;
/** So many lines in the shard logs mean that the relay does not keep up. */
const backlogMax = 100_000;

export type ReadinessDeps = {
  readonly store: Pick<Store, "rung" | "durability" | "describe" | "isUp">;
  readonly stores: Stores;
  readonly alarm: OpenAlarmClock;
  readonly lastSweep: () => Swept;
  readonly isWorker: boolean;
  readonly metrics: Metrics;
};

/** Readiness is progress, not a ping: the store answers, deadlines are kept, the journal is fed. */
export function makeReadiness({ store, stores, alarm, lastSweep, isWorker, metrics }: ReadinessDeps) {
  const storeCheck = async () => {
    await stores.devices.now();
    return { isOk: store.isUp(), detail: store.describe() };
  };
  const sweepCheck = async () => {
    const sinceMs = Math.round(alarm.sinceBeganMs("sweep") ?? 0);
    const { oldestLateMs } = lastSweep();
    return {
      isOk: sinceMs < sweepSilenceMaxMs && oldestLateMs < oldestDueMaxMs,
      detail: `last sweep ${sinceMs} ms ago, oldest deadline ${Math.max(0, oldestLateMs)} ms late`,
    };
  };
  const journalCheck = async () => {
    const backlog = await stores.journal.backlog();
    metrics.journalBacklog.set(backlog);
    return { isOk: backlog < backlogMax, detail: `${backlog} lines not yet in the journal` };
  };
  return makeWatchHealth({
    checks: { store: storeCheck, journal: journalCheck, ...(isWorker ? { deadlines: sweepCheck } : {}) },
    metrics: async () => {
      metrics.journalBacklog.set(await stores.journal.backlog().catch(() => Number.NaN));
      return { contentType: metrics.registry.contentType, text: await metrics.registry.metrics() };
    },
    store: { rung: store.rung, durability: store.durability, note: store.describe() },
  });
}
