import type { Ms } from "./model.ts";
import type { Totals } from "./totals.ts";
import { finalStates } from "./vocabulary.ts";

/** How many of a deployment's updates were final at a time. */
export type PaceSample = { readonly at: Ms; readonly finals: number };

/** The pace is what was done in this time, or since the first sample. */
export const paceWindowMs = 300_000;
/** Below this age a first sample tells nothing of a pace. */
const ageMinMs = 1000;

/** How many of the updates are final. */
export function finalsIn(totals: Totals): number {
  return finalStates.reduce((sum, state) => sum + totals[state], 0);
}

/**
 * Final updates a minute over the last minutes; undefined while nothing was measured. `samples` are oldest first, and
 * between two of them nothing had changed since the earlier one.
 */
export function paceOf(samples: readonly PaceSample[], present: PaceSample): number | undefined {
  const begin = present.at - paceWindowMs;
  const before = samples.findLast(({ at }) => at <= begin);
  const reference = before === undefined ? samples[0] : { ...before, at: begin };
  if (reference === undefined || present.at - reference.at < ageMinMs) return undefined;
  const perMinute = ((present.finals - reference.finals) * 60_000) / (present.at - reference.at);
  return Math.max(0, Math.round(perMinute * 100) / 100);
}

/** When the rest is done at this pace; undefined when it is not known, or nothing moves. */
export function finishAtPace(
  pacePerMinute: number | undefined,
  { at, finals }: PaceSample,
  total: number,
): Ms | undefined {
  const left = total - finals;
  if (pacePerMinute === undefined || pacePerMinute === 0 || left <= 0) return undefined;
  return Math.ceil(at + (left * 60_000) / pacePerMinute);
}
