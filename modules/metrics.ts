import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** What this process counts, in the Prometheus text format at `/metrics`. */
export function makeMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    registry,
    reports: new Counter({
      name: "otau_reports_total",
      help: "Reports of devices by what was decided",
      labelNames: ["decision"],
      registers,
    }),
    ended: new Counter({
      name: "otau_updates_changed_total",
      help: "Changes of updates by the state they led to",
      labelNames: ["to"],
      registers,
    }),
    sweepLateSeconds: new Histogram({
      name: "otau_sweep_late_seconds",
      help: "How late the oldest due device of a sweep was",
      buckets: [0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60],
      registers,
    }),
    dueRepaired: new Counter({
      name: "otau_due_repaired_total",
      help: "Deadlines found missing from the due set and put back; anything but 0 is a fault",
      registers,
    }),
    journalBacklog: new Gauge({
      name: "otau_journal_backlog",
      help: "Lines not yet relayed into the product journals",
      registers,
    }),
  };
}
export type Metrics = ReturnType<typeof makeMetrics>;
