import type { DeviceRef, DeviceStore, ResourceState } from "./ports.ts";

/** The resource that devices report through; nothing of it is kept beside the history. */
export const reportAlias = "otau_in";
/** Lines that other things may have written since. */
const linesLookedAt = 50;

/** What `otau_in` holds: the device's last report as history keeps it. A device's write sets both sides. */
export async function readLastReport(
  devices: Pick<DeviceStore, "history">,
  ref: DeviceRef,
): Promise<ResourceState | undefined> {
  const page = await devices.history(ref, { limit: linesLookedAt, order: "desc" });
  const line = page?.lines.find(({ kind }) => kind === "report");
  if (line?.raw === undefined) return undefined;
  return { timestamp: (line.lastAt ?? line.at) * 1000, set: line.raw, reported: line.raw };
}
