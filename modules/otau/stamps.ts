/** A time as a device or platform gave it, in both units. */
export type Stamp = {
  /** Whole milliseconds since 1970. */
  readonly ms: number;
  /** Whole microseconds since 1970. */
  readonly us: number;
};

/** The time by which a report counts. */
export type ResolvedStamp = {
  /** Whole milliseconds since 1970. */
  readonly stampedAtMs: number;
  /** The supplied stamp counts; false when arrival does. */
  readonly supplied: boolean;
  /** The supplied stamp lay so far ahead of arrival that the device's clock must be wrong. */
  readonly clockWrong?: true;
};

const earliestMs = Date.UTC(2020, 0, 1);
const clockWrongAheadMs = 5 * 60_000;
const digitsPattern = /^\d{1,20}(\.\d{1,9})?$/;

/**
 * A stamp in seconds (below 1e11), milliseconds (below 1e14) or microseconds, as Murano's connectors tell them
 * apart. Takes a number or its digits as text; anything else - negative, NaN, Infinity - is no stamp: undefined.
 */
export function normaliseStamp(value: unknown): Stamp | undefined {
  const given = typeof value === "string" && digitsPattern.test(value) ? Number(value) : value;
  if (typeof given !== "number" || !Number.isFinite(given) || given < 0) return undefined;
  const us = Math.round(given * microsecondsPerUnit(given));
  return { us, ms: Math.floor(us / 1000) };
}

/**
 * The time by which a report counts: its supplied stamp, unless there is none or the device's clock cannot be
 * right (before 2020, or ahead of arrival): then its arrival.
 */
export function resolveStamp(supplied: unknown, arrivedAtMs: number): ResolvedStamp {
  const stamp = normaliseStamp(supplied);
  if (stamp === undefined || stamp.ms < earliestMs) return { stampedAtMs: arrivedAtMs, supplied: false };
  if (stamp.ms <= arrivedAtMs) return { stampedAtMs: stamp.ms, supplied: true };
  if (stamp.ms <= arrivedAtMs + clockWrongAheadMs) return { stampedAtMs: arrivedAtMs, supplied: false };
  return { stampedAtMs: arrivedAtMs, supplied: false, clockWrong: true };
}

function microsecondsPerUnit(value: number): number {
  if (value < 1e11) return 1_000_000;
  return value < 1e14 ? 1000 : 1;
}
