import type { Heard, Situation } from "./situation.ts";
import type { Transition, Trigger } from "./transition.ts";
import { pickTransition } from "./transitions.ts";
import { isFinalState } from "./vocabulary.ts";
import { entriesOfWork, situationOf, type Work } from "./work.ts";
import { type Entry, isWritten, liveEntry, newestWritten } from "./written.ts";

/** The update that a report concerns, and what the table makes of it. */
export type Concern = {
  readonly by: "live" | "correction" | "final";
  readonly situation: Situation;
  readonly row: Transition;
};

/** How the table names a report for an update; `undefined` = it says nothing of that one's version. */
export function triggerOf(heard: Heard, version: string): Trigger | undefined {
  if (heard.status === "INSTALLED_VERSION") {
    return heard.version === version ? "TARGET_INSTALLED" : "OTHER_INSTALLED";
  }
  return heard.version === version ? heard.status : undefined;
}

function concernOf(
  work: Work,
  heard: Heard,
  entry: Entry | undefined,
  by: Concern["by"],
): Concern | undefined {
  if (entry === undefined) return undefined;
  const on = triggerOf(heard, entry.deployment.version);
  // An error that ends the attempt does so under its own name; a device that names another version fell back.
  const reason = heard.status.endsWith("_ERROR") ? (heard.status as "INSTALL_ERROR") : "FELL_BACK";
  const situation = situationOf(work, entry.deployment.id, { heard, reason });
  const fits = (row: Transition) => (row.correction !== undefined) === (by === "correction");
  const row = on && situation && pickTransition(work.index, situation, on, fits);
  return row && situation ? { by, situation, row } : undefined;
}

const mayCorrect = ["INSTALLED_VERSION", "INSTALL_SUCCESS", "INSTALL_ERROR"];

/** Which update a report concerns (contract 3): the live one, one it corrects, one that ended, or none. */
export function findConcern(work: Work, heard: Heard): Concern | undefined {
  const entries = entriesOfWork(work);
  const live = liveEntry(entries);
  const ofLive = concernOf(work, heard, live, "live");
  if (ofLive) return ofLive;
  if (live === undefined && mayCorrect.includes(heard.status)) {
    const corrected = concernOf(work, heard, newestWritten(entries), "correction");
    if (corrected) return corrected;
  }
  const ended = entries.findLast(
    ({ update, deployment }) =>
      isFinalState(update.state) && isWritten(update) && deployment.version === heard.version,
  );
  return concernOf(work, heard, ended, "final");
}
