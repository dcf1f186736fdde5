import { setTimeout as delay } from "node:timers/promises";
import { CliError } from "../cli-error.ts";
import type { Session } from "../session.ts";
import { failureSentence, isSettled, readSnapshot, type Snapshot } from "./snapshot.ts";
import { makeView } from "./views.ts";

const intervalMsDefault = 1000;
/** A server that restarts is back within this; the watch goes on. */
const patienceMs = 60_000;

/**
 * Shows a deployment until it has settled. Throws a CliError (exit 1) when an update did not succeed.
 * A server that goes away meanwhile is waited for; one that is not there at the start is an error.
 */
export async function watchDeployment(
  session: Session,
  deploymentId: string,
  intervalMs: number = intervalMsDefault,
): Promise<void> {
  const view = makeView(session.io, session.out);
  let snapshot = await readSnapshot(session, deploymentId);
  await view.show(snapshot);
  while (!isSettled(snapshot.deployment)) {
    await delay(intervalMs, undefined, { signal: session.io.signal });
    snapshot = await readPatiently(session, deploymentId, intervalMs);
    await view.show(snapshot);
  }
  const failure = failureSentence(snapshot.deployment);
  if (failure === undefined) return;
  throw new CliError(failure, { hint: "See why with: otau why IDENTITY, or otau history IDENTITY" });
}

async function readPatiently(session: Session, deploymentId: string, intervalMs: number): Promise<Snapshot> {
  const giveUpAt = session.io.now().getTime() + patienceMs;
  for (;;) {
    try {
      return await readSnapshot(session, deploymentId);
    } catch (error) {
      if (!isPassing(error) || session.io.now().getTime() > giveUpAt) throw error;
      await delay(intervalMs, undefined, { signal: session.io.signal });
    }
  }
}

/** No answer at all, or one that says "later". */
function isPassing(error: unknown): boolean {
  if (!(error instanceof CliError)) return false;
  return error.code === undefined || ["RATE_LIMITED", "STORE_UNAVAILABLE", "INTERNAL"].includes(error.code);
}
