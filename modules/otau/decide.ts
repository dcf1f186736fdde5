import { decideTick } from "./decide-deadline.ts";
import { decideCancel, decideConfigText, decideDeviceDeleted, decideRetry } from "./decide-operator.ts";
import { decideDelivered, decideEnrol, decideRejudge, decideRelease } from "./decide-release.ts";
import { decideReport } from "./decide-report.ts";
import type { Deployment, Device, DeviceEvent, Facts, Outcome } from "./model.ts";
import { reportNeedsPast } from "./needs-past.ts";
import type { Transition } from "./transition.ts";
import { indexTransitions, transitions } from "./transitions.ts";
import { startWork, type Work } from "./work.ts";

/** Says what an event makes of a device. Pure and total: no clock, no luck, no exception. */
export type Decide = (device: Device, event: DeviceEvent, facts: Facts) => Outcome;

function decideEvent(work: Work, event: DeviceEvent): Outcome {
  switch (event.type) {
    case "report":
      return decideReport(work, event);
    case "enrol":
      return decideEnrol(work, event.deploymentId);
    case "release":
      return decideRelease(work, event.deploymentId);
    case "delivered":
      return decideDelivered(work, event.timestampUs);
    case "tick":
      return decideTick(work);
    case "cancel":
      return decideCancel(work, event);
    case "retry":
      return decideRetry(work, event);
    case "rejudge":
      return decideRejudge(work, event.deploymentId);
    case "setConfigText":
      return decideConfigText(work, event.text, event.timestampUs);
    case "deviceDeleted":
      return decideDeviceDeleted(work);
  }
}

/** Makes `decide` of a table; tests take rows away and see what is missing. */
export function makeDecide(rows: readonly Transition[]): Decide {
  const index = indexTransitions(rows);
  return (device, event, facts) => decideEvent(startWork(index, device, facts), event);
}

/** The decision by THE table. */
export const decide: Decide = makeDecide(transitions);

/**
 * Whether the decision could depend on final updates that are not loaded. The device is then to be read again with
 * its past, and decided with that.
 */
export function needsPast(
  device: Device,
  event: DeviceEvent,
  deployments: ReadonlyMap<string, Deployment>,
): boolean {
  if (device.pastLoaded) return false;
  if (event.type === "report") return reportNeedsPast(device, event, deployments);
  if (event.type !== "retry" && event.type !== "cancel") return false;
  return !device.updates.some(({ deploymentId }) => deploymentId === event.deploymentId);
}
