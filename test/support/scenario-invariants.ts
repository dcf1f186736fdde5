import type { Device, DeviceEvent, HistoryLine, Outcome, Update } from "../../modules/otau/model.ts";
import { isFinalState, isLiveState } from "../../modules/otau/vocabulary.ts";

/** What holds for every single decision, whatever the device and the event; the first breach is thrown. */
export function checkOutcome(before: Device, event: DeviceEvent, outcome: Outcome): void {
  const found = [
    ...unchangedBreaches(before, outcome),
    ...liveBreaches(outcome.device),
    ...seqBreaches(before, outcome),
    ...outcome.device.updates.flatMap((update) => updateBreaches(before, event, outcome, update)),
  ];
  if (found[0] !== undefined) throw new Error(`${found[0]} (event ${JSON.stringify(event)})`);
}

function unchangedBreaches(before: Device, { device, lines, events, folds }: Outcome): readonly string[] {
  const told = lines.length + events.length + folds.length > 0;
  return device === before && told ? ["an unchanged device brought lines or events"] : [];
}

function liveBreaches(device: Device): readonly string[] {
  const live = device.updates.filter(({ state }) => isLiveState(state));
  return live.length > 1 ? [`${live.length} updates are live at once`] : [];
}

function seqBreaches(before: Device, outcome: Outcome): readonly string[] {
  const numbers = outcome.lines.map(({ seq }) => seq);
  const wanted = outcome.lines.map((_, index) => before.historySeq + 1 + index);
  return numbers.join() === wanted.join() ? [] : [`history lines are numbered ${numbers.join()}`];
}

function updateBreaches(before: Device, event: DeviceEvent, outcome: Outcome, after: Update): string[] {
  const was = before.updates.find(({ deploymentId }) => deploymentId === after.deploymentId);
  const breaches: string[] = [];
  const say = (text: string) => breaches.push(`the update of ${after.deploymentId} ${text}`);
  if (was !== undefined && isFinalState(was.state) && was.state !== after.state) {
    const corrected = (after.corrections?.length ?? 0) > (was.corrections?.length ?? 0);
    const reopened = event.type === "retry" && after.state === "waiting";
    if (!corrected && !reopened) say(`left the final state ${was.state} for ${after.state}`);
  }
  if (was !== undefined && was !== after && after.revision <= was.revision) {
    say(`changed without a higher revision`);
  }
  const from = was?.state ?? "waiting";
  const end = followLines(from, outcome.lines, after.deploymentId);
  if (end !== after.state) say(`went from ${from} to ${after.state}, and its lines lead to ${end}`);
  return breaches;
}

/** Where the lines of one update lead: each change of state is one line with `from` and `to`. */
function followLines(from: string, lines: readonly HistoryLine[], deploymentId: string): string {
  let state = from;
  for (const line of lines) {
    if (line.deploymentId !== deploymentId || line.to === undefined) continue;
    if (line.from !== state) return `a line from ${line.from} while in ${state}`;
    state = line.to;
  }
  return state;
}
