import type { Deployment, Device, DeviceEvent } from "./model.ts";
import { entriesOf, newestWritten } from "./written.ts";

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
  // The newest written one is always there: without it there are no older ones either.
  if (newestWritten(entries) === undefined) return false;
  // One that ended, or was called off, may be among the older ones of the reported version.
  const newest = newestWritten(entries, version);
  if (newest === undefined || newest.update.state === "waiting") return true;
  // A success may be taken back: the one before it is what the device goes back to.
  if (newest.update.confirmed === false && status === "INSTALL_ERROR") return true;
  // A stamp older than the write is stale only if an earlier value of the version was delivered.
  const { sentAt, deliveredBefore } = newest.update;
  return event.stampSupplied && sentAt !== undefined && event.stampedAt < sentAt && deliveredBefore !== true;
}
