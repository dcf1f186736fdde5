import type { Session } from "../session.ts";
import { type Deployment, finalStates, stateOrder, type Update, unsuccessfulStates } from "../shapes.ts";

/** A deployment as it stands, with the updates worth showing. */
export type Snapshot = {
  readonly deployment: Deployment;
  readonly updates: readonly Update[];
  /** False when `updates` are only some of them. */
  readonly isComplete: boolean;
};

/** Up to this many, all updates are read each time; of more only what runs and what failed. */
const updatesMax = 200;

const runningStates = stateOrder.filter((state) => state !== "waiting" && !isFinal(state));
const worthShowing = [...runningStates, "failed", "timed_out", "aborted"];

/** Reads the deployment and its updates as they are now. */
export async function readSnapshot({ api }: Session, deploymentId: string): Promise<Snapshot> {
  const path = api.productPath("deployments", deploymentId);
  const deployment = await api.get<Deployment>(path);
  const isComplete = totalOf(deployment) <= updatesMax;
  const query = isComplete ? {} : { state: worthShowing };
  const { items } = await api.list<Update>(`${path}/updates`, query, updatesMax);
  return { deployment, updates: items, isComplete };
}

/** How many updates there are. */
export function totalOf({ totals }: Deployment): number {
  return totals?.["total"] ?? 0;
}

/** How many updates stand in any of these states. */
export function countIn({ totals }: Deployment, states: readonly string[]): number {
  return states.reduce((sum, state) => sum + (totals?.[state] ?? 0), 0);
}

/** How many updates have ended. */
export function finalCount(deployment: Deployment): number {
  return countIn(deployment, finalStates);
}

/** True when nothing of the deployment can change any more but by a correction or an operator. */
export function isSettled(deployment: Deployment): boolean {
  const hasEnded = deployment.state === "finished" || deployment.state === "canceled";
  return hasEnded && deployment.resolving !== true && finalCount(deployment) >= totalOf(deployment);
}

/** True for a state that an update ends in. */
export function isFinal(state: string): boolean {
  return (finalStates as readonly string[]).includes(state);
}

/** The states that have any updates, in the order of an update's life, as in `succeeded 3, failed 1`. */
export function totalsText(deployment: Deployment, paint: (text: string, state: string) => string): string {
  const present = stateOrder.filter((state) => countIn(deployment, [state]) > 0);
  return present.map((state) => paint(`${state} ${countIn(deployment, [state])}`, state)).join(", ");
}

/** The sentence about what went wrong; undefined when nothing did. */
export function failureSentence(deployment: Deployment): string | undefined {
  const count = countIn(deployment, unsuccessfulStates);
  if (count === 0) return undefined;
  const parts = unsuccessfulStates.filter((state) => countIn(deployment, [state]) > 0);
  const named = parts.map((state) => `${state} ${countIn(deployment, [state])}`).join(", ");
  return `${count} of ${totalOf(deployment)} did not succeed: ${named}`;
}
