import { runTrigger } from "./apply-transition.ts";
import { change } from "./change.ts";
import { firesAt, type TimeEvent, timeEventsOf } from "./due.ts";
import type { Ms, Outcome } from "./model.ts";
import { type Reason, timeoutReasons } from "./vocabulary.ts";
import { addLine, changeDevice, finishWork, setUpdate, situationOf, type Work } from "./work.ts";
import { type Entry, entriesOf } from "./written.ts";

/** More than any update can have due at once; a bound, so that no fault of the table could spin. */
const stepsMax = 8;

function nextDue(work: Work, entry: Entry): TimeEvent | undefined {
  const { now, outages, limits } = work.facts;
  let next: (TimeEvent & { readonly fires: Ms }) | undefined;
  for (const event of timeEventsOf(entry)) {
    const fires = firesAt(event, outages, limits);
    if (fires <= now && (next === undefined || fires < next.fires)) next = { ...event, fires };
  }
  return next;
}

function reasonOf(entry: Entry, event: TimeEvent): Reason {
  if (event.on !== "PHASE_DEADLINE") return timeoutReasons.totalMs;
  return timeoutReasons[entry.update.deadlineOf ?? "acknowledgeMs"];
}

/** Carries out what is due first for the update; false when nothing is. */
function stepUpdate(work: Work, deploymentId: string): boolean {
  const { deployments } = work.facts;
  const entry = entriesOf(work.device, deployments).find(({ deployment }) => deployment.id === deploymentId);
  const due = entry && nextDue(work, entry);
  const situation = due && situationOf(work, deploymentId, { reason: reasonOf(entry, due) });
  if (situation === undefined || due === undefined) return false;
  const ran = runTrigger(work, situation, due.on);
  if (ran === undefined) return false;
  // Handing a retry to the releaser and giving a slot back change no state and tell nobody anything.
  if (ran.change.to === undefined) return true;
  if (due.on === "RETRY_DUE") addLine(work, { kind: "system", ...ran.change });
  else addLine(work, { kind: "deadline", stampedAt: due.at, ...ran.change });
  return true;
}

/** The device has rested: what waited for it is looked at again. */
function endRest(work: Work): void {
  const { restUntil, updates } = work.device;
  if (restUntil === undefined || restUntil > work.facts.now) return;
  changeDevice(work, { restUntil: undefined });
  for (const update of updates) {
    if (update.state === "waiting") setUpdate(work, change(update, { ready: true }));
  }
}

/** Time has come: all that is due by now is judged, the earliest first. */
export function decideTick(work: Work): Outcome {
  endRest(work);
  for (const { deployment } of entriesOf(work.device, work.facts.deployments)) {
    for (let step = 0; step < stepsMax && stepUpdate(work, deployment.id); step++);
  }
  return finishWork(work);
}
