import type { ChangeOfState } from "./apply-transition.ts";
import { change } from "./change.ts";
import type { Device, FoldTarget, HistoryFold } from "./model.ts";
import type { Heard } from "./situation.ts";
import type { Decision } from "./vocabulary.ts";
import { addLine, changeDevice, type Work } from "./work.ts";

const isStep = (heard: Heard) => heard.status.endsWith("_STEP");

/** Counts a step report against the device's rate limit; true = this one is above it. */
export function countStep(work: Work, heard: Heard): boolean {
  if (!isStep(heard)) return false;
  const second = Math.floor(work.facts.now / 1000);
  const { stepRate } = work.device;
  const count = stepRate?.second === second ? stepRate.count + 1 : 1;
  changeDevice(work, { stepRate: { second, count } });
  return count > work.facts.limits.reportsPerSecond;
}

function sayTheSame(fold: FoldTarget, heard: Heard): boolean {
  return fold.status === heard.status && fold.version === heard.version && fold.message === heard.message;
}

/** Whether the report belongs into the line that gathers its like. */
function foldsInto(
  device: Device,
  heard: Heard,
  decision: Decision,
  aboveRate: boolean,
): FoldTarget | undefined {
  const { fold } = device;
  if (fold === undefined) return undefined;
  if (decision === "repeat" && fold.steps === undefined && sayTheSame(fold, heard)) return fold;
  const newest = fold.seq === device.historySeq;
  const sameKind = fold.status === heard.status && fold.version === heard.version;
  return aboveRate && newest && fold.steps && sameKind ? fold : undefined;
}

/** The history line of a report, or its fold into the line that gathers its like. */
export function addReportLine(
  work: Work,
  heard: Heard,
  decision: Decision,
  aboveRate: boolean,
  said: ChangeOfState & { readonly note?: string },
): void {
  const { status, version, message, raw, cut, stampedAt, clockWrong } = heard;
  const gathers = said.from === undefined && (decision === "repeat" || aboveRate);
  const fold = gathers ? foldsInto(work.device, heard, decision, aboveRate) : undefined;
  if (fold !== undefined) {
    work.folds.push(change<HistoryFold>({ seq: fold.seq, lastAt: work.facts.now }, { message }));
    return;
  }
  const counted = gathers ? { count: 1, lastAt: work.facts.now } : {};
  const line = { raw, status, version, message, cut, stampedAt, clockWrong, decision, ...counted, ...said };
  const seq = addLine(work, { kind: "report", ...line });
  if (!gathers) return;
  const steps = decision === "repeat" ? undefined : (true as const);
  const target: FoldTarget = { seq, status, version };
  changeDevice(work, { fold: change<FoldTarget>(target, { message, steps }) });
}
