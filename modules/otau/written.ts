import type { Deployment, Device, Update } from "./model.ts";
import { isLiveState } from "./vocabulary.ts";

/** An update together with the deployment that wants it. */
export type Entry = { readonly update: Update; readonly deployment: Deployment };

/** The device's updates whose deployment was accepted, oldest deployment first; the others are invisible. */
export function entriesOf(
  device: Pick<Device, "updates">,
  deployments: ReadonlyMap<string, Deployment>,
): readonly Entry[] {
  const entries: Entry[] = [];
  for (const update of device.updates) {
    const deployment = deployments.get(update.deploymentId);
    if (deployment !== undefined) entries.push({ update, deployment });
  }
  return entries.sort((a, b) => a.deployment.seq - b.deployment.seq);
}

/** "Written" of contract 1: a write that nobody saw leaves no trace. */
export function isWritten(update: Update): boolean {
  return isLiveState(update.state) || update.state === "succeeded" || update.everDelivered === true;
}

/** The device's live update, if there is one. */
export function liveEntry(entries: readonly Entry[]): Entry | undefined {
  return entries.find(({ update }) => isLiveState(update.state));
}

/** The newest written update, of one version where one is given. */
export function newestWritten(entries: readonly Entry[], version?: string): Entry | undefined {
  return entries.findLast(
    ({ update, deployment }) =>
      isWritten(update) && (version === undefined || deployment.version === version),
  );
}

/** The newest update that a newer deployment than `seq` wrote to the device. */
export function newerWritten(entries: readonly Entry[], seq: number): Entry | undefined {
  return entries.findLast(({ update, deployment }) => deployment.seq > seq && isWritten(update));
}
