import { runTrigger } from "./apply-transition.ts";
import type { DeviceEvent, HistoryLine, Outcome } from "./model.ts";
import { isFinalState } from "./vocabulary.ts";
import {
  addLine,
  changeDevice,
  entriesOfWork,
  finishWork,
  nextTimestampUs,
  situationOf,
  type Work,
} from "./work.ts";

type Cancel = Extract<DeviceEvent, { type: "cancel" }>;
type Retry = Extract<DeviceEvent, { type: "retry" }>;

function kindOfAct(work: Work): HistoryLine["kind"] {
  return work.facts.actor.kind === "token" || work.facts.actor.kind === "script" ? "operator" : "system";
}

/** Ends an update that is not final. A canceled one stays so; one that ended otherwise is ALREADY_FINAL. */
export function decideCancel(work: Work, event: Cancel): Outcome {
  const { deploymentId, reason, onlyIn } = event;
  const situation = situationOf(work, deploymentId, { reason });
  if (situation === undefined) return finishWork(work, { refused: "NOT_FOUND" });
  const { state } = situation.update;
  if (isFinalState(state)) {
    return finishWork(
      work,
      state === "canceled" ? { deploymentId } : { deploymentId, refused: "ALREADY_FINAL" },
    );
  }
  if (onlyIn !== undefined && !onlyIn.includes(state)) return finishWork(work, { deploymentId });
  const ran = runTrigger(work, situation, reason === "DEVICE_UNKNOWN" ? "DEVICE_UNKNOWN" : "CANCEL");
  if (ran) addLine(work, { kind: kindOfAct(work), ...ran.change });
  return finishWork(work, { deploymentId });
}

/** Reopens an update that ended in one of the named states. */
export function decideRetry(work: Work, event: Retry): Outcome {
  const { deploymentId, states } = event;
  const situation = situationOf(work, deploymentId);
  if (situation === undefined) return finishWork(work, { refused: "NOT_FOUND" });
  const named = states.includes(situation.update.state);
  const ran = named ? runTrigger(work, situation, "OPERATOR_RETRY") : undefined;
  if (ran === undefined) return finishWork(work, { deploymentId, refused: "NOTHING_TO_RETRY" });
  if (ran.row.refused) return finishWork(work, { deploymentId, refused: ran.row.refused });
  addLine(work, { kind: kindOfAct(work), ...ran.change });
  return finishWork(work, { deploymentId });
}

/** `config_otau` was set to a text that makes no update: it is handed out, and nothing is expected of it. */
export function decideConfigText(work: Work, text: string, timestampUs: number): Outcome {
  const stamp = Math.max(timestampUs, nextTimestampUs(work));
  changeDevice(work, { configSet: { text, timestampUs: stamp } });
  work.notify = true;
  addLine(work, { kind: "write", note: "config_otau was set to a value that is no valid package." });
  return finishWork(work);
}

/** The device goes: every update that had not ended is called off. */
export function decideDeviceDeleted(work: Work): Outcome {
  for (const { deployment } of entriesOfWork(work)) {
    const situation = situationOf(work, deployment.id);
    const ran = situation && runTrigger(work, situation, "DEVICE_DELETED");
    if (ran) addLine(work, { kind: kindOfAct(work), ...ran.change });
  }
  return finishWork(work);
}
