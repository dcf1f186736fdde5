import type { Deployment, Device, DeviceEvent } from "./model.ts";
import { entriesOf, liveEntry, newestWritten } from "./written.ts";

type ReportEvent = Extract<DeviceEvent, { type: "report" }>;

/** Whether what a report means could depend on final updates that are not loaded. */
export function reportNeedsPast(
  device: Device,
  event: ReportEvent,
  deployments: ReadonlyMap<string, Deployment>,
): boolean {
  if (!event.report.ok) return false;
  const { version, status } = event.report;
  const entries = entriesOf(device, deployments);
  // Older updates of its version are asked for: whether one of them was called off, or is the one that ended.
  const newest = newestWritten(entries, version);
  if (newest === undefined) return true;
  // A success may be taken back: the one before it is what the device goes back to.
  if (newest.update.confirmed === false && status === "INSTALL_ERROR") return true;
  if (liveEntry(entries) === undefined && newest.update.state === "waiting") return true;
  // A stamp older than the write is stale only if an earlier value of the version was delivered.
  const { sentAt, deliveredBefore } = newest.update;
  return event.stampSupplied && sentAt !== undefined && event.stampedAt < sentAt && deliveredBefore !== true;
}
