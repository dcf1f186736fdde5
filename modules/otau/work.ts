import { type Changes, change } from "./change.ts";
import type { Device, Facts, HistoryFold, HistoryLine, JournalEvent, Outcome, Update } from "./model.ts";
import type { Heard, Situation } from "./situation.ts";
import type { TransitionIndex } from "./transitions.ts";
import { isFinalState, type Reason } from "./vocabulary.ts";
import { type Entry, entriesOf } from "./written.ts";

/** A decision in the making: what the device has become so far, and what is to be told of it. */
export type Work = {
  readonly index: TransitionIndex;
  readonly facts: Facts;
  readonly before: Device;
  device: Device;
  readonly lines: HistoryLine[];
  readonly folds: HistoryFold[];
  readonly events: JournalEvent[];
  writes: boolean;
  notify: boolean;
};

export function startWork(index: TransitionIndex, device: Device, facts: Facts): Work {
  return {
    index,
    facts,
    before: device,
    device,
    lines: [],
    folds: [],
    events: [],
    writes: false,
    notify: false,
  };
}

/** The visible updates as they are by now. */
export function entriesOfWork(work: Work): readonly Entry[] {
  return entriesOf(work.device, work.facts.deployments);
}

/** The situation of one update as it is by now; `undefined` when the device has no such visible update. */
export function situationOf(
  work: Work,
  deploymentId: string,
  more: { readonly heard?: Heard; readonly reason?: Reason; readonly replacedBy?: string } = {},
): Situation | undefined {
  const entries = entriesOfWork(work);
  const entry = entries.find(({ update }) => update.deploymentId === deploymentId);
  if (entry === undefined) return undefined;
  return { device: work.device, ...entry, entries, facts: work.facts, ...more };
}

export function changeDevice(work: Work, changes: Changes<Device>): void {
  work.device = change(work.device, changes);
}

/** Puts the update's next state into the device. */
export function setUpdate(work: Work, update: Update): void {
  const updates = work.device.updates.map((old) => (old.deploymentId === update.deploymentId ? update : old));
  if (updates.some((next, index) => next !== work.device.updates[index])) changeDevice(work, { updates });
}

/** Adds a history line and answers its number. */
export function addLine(work: Work, line: Changes<HistoryLine> & Pick<HistoryLine, "kind">): number {
  const seq = work.device.historySeq + 1;
  changeDevice(work, { historySeq: seq });
  const { now: at, actor } = work.facts;
  work.lines.push(change<HistoryLine>({ seq, at, actor, kind: line.kind }, line));
  return seq;
}

/** Adds a line of the journal. */
export function addEvent(work: Work, event: Changes<JournalEvent> & Pick<JournalEvent, "type">): void {
  const seq = work.device.eventSeq + 1;
  changeDevice(work, { eventSeq: seq });
  const { now: at, actor } = work.facts;
  const revision = work.before.revision + 1;
  work.events.push(change<JournalEvent>({ at, seq, actor, revision, type: event.type }, event));
}

/** A stamp for the next value of `config_otau`: later than every one before, whatever the clock did. */
export function nextTimestampUs(work: Work): number {
  const { configSet, succeededSet, updates } = work.device;
  const used = [configSet, succeededSet, ...updates].map((value) => value?.timestampUs ?? 0);
  return Math.max(work.facts.now * 1000, Math.max(...used) + 1);
}

/** When something ended, all that still waits is looked at again. */
function wakeWaiting(work: Work): void {
  const ended = work.before.updates.some((old) => {
    if (isFinalState(old.state)) return false;
    const now = work.device.updates.find(({ deploymentId }) => deploymentId === old.deploymentId);
    return now !== undefined && isFinalState(now.state);
  });
  if (!ended) return;
  for (const update of work.device.updates) {
    if (update.state === "waiting") setUpdate(work, change(update, { ready: true }));
  }
}

function withRevisions(work: Work): Device {
  const old = new Map(work.before.updates.map((update) => [update.deploymentId, update]));
  const updates = work.device.updates.map((update) => {
    const before = old.get(update.deploymentId);
    if (before === undefined || before === update) return update;
    return change(update, { revision: before.revision + 1 });
  });
  const sameUpdates = updates.every((update, index) => update === work.device.updates[index]);
  return change(work.device, {
    ...(sameUpdates ? {} : { updates }),
    revision: work.before.revision + 1,
  });
}

/** Closes the work: revisions are raised, and the device stays the same object when nothing changed. */
export function finishWork(
  work: Work,
  more: Pick<Outcome, "decision" | "deploymentId" | "refused"> = {},
): Outcome {
  wakeWaiting(work);
  const changed = work.device !== work.before;
  return {
    device: changed ? withRevisions(work) : work.before,
    lines: work.lines,
    folds: work.folds,
    events: work.events,
    ...(work.writes ? { writes: true as const } : {}),
    ...(work.notify ? { notify: true as const } : {}),
    ...more,
  };
}
