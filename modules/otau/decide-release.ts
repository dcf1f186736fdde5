import { runTrigger } from "./apply-transition.ts";
import { change } from "./change.ts";
import type { Outcome, Update } from "./model.ts";
import { addLine, changeDevice, finishWork, setUpdate, situationOf, type Work } from "./work.ts";

/** A deployment takes the device in. Without its facts, or with the update there already, nothing changes. */
export function decideEnrol(work: Work, deploymentId: string): Outcome {
  const deployment = work.facts.deployments.get(deploymentId);
  if (deployment === undefined) return finishWork(work, { refused: "NOT_FOUND" });
  const there = work.device.updates.some((update) => update.deploymentId === deploymentId);
  if (there) return finishWork(work, { deploymentId });
  const update: Update = {
    deploymentId,
    state: "waiting",
    attempt: 0,
    maxAttempts: deployment.retry.maxAttempts,
    attemptBase: 0,
    rank: 0,
    restarts: 0,
    createdAt: work.facts.now,
    revision: 1,
    ready: true,
  };
  changeDevice(work, { updates: [...work.device.updates, update] });
  return finishWork(work, { deploymentId });
}

/** Judges a waiting update, or writes a retry that has fallen due; only while the deployment runs. */
export function decideRelease(work: Work, deploymentId: string): Outcome {
  const situation = situationOf(work, deploymentId);
  if (situation === undefined) return finishWork(work);
  if (situation.deployment.state !== "running") return finishWork(work, { deploymentId });
  const ran = runTrigger(work, situation, "RELEASE");
  if (ran?.change.to !== undefined) {
    addLine(work, { kind: ran.change.to === "sent" ? "write" : "system", ...ran.change });
  }
  return finishWork(work, { deploymentId });
}

/** Updates that wait behind the deployment's are looked at again. */
export function decideRejudge(work: Work, deploymentId: string): Outcome {
  for (const update of work.device.updates) {
    const behind = update.state === "waiting" && update.deploymentId !== deploymentId;
    if (behind) setUpdate(work, change(update, { ready: true }));
  }
  return finishWork(work, { deploymentId });
}

/** The value with the stamp is about to be handed over; an older value than the live one changes nothing. */
export function decideDelivered(work: Work, timestampUs: number): Outcome {
  const live = work.device.updates.find((update) => update.timestampUs === timestampUs);
  const situation = live && situationOf(work, live.deploymentId);
  if (situation) runTrigger(work, situation, "DELIVERED");
  return finishWork(work, situation ? { deploymentId: situation.deployment.id } : {});
}
