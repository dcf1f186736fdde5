import type { StreamEvent, Totals } from "../api/types.ts";

/** Columns of a chart: times in seconds, then one list of values a line. */
export type Series = readonly [readonly number[], ...(readonly number[])[]];

const underWay = (t: Totals): number =>
  t.sent + t.started + t.testing + t.downloading + t.installing + t.confirming + t.retrying;

/** Succeeded, under way and failed, at each time the totals were told. */
export function seriesOf(lines: readonly StreamEvent[]): Series {
  const points = lines.flatMap(({ at, totals }) =>
    totals === undefined ? [] : [{ at: Date.parse(at) / 1000, totals }],
  );
  return [
    points.map(({ at }) => at),
    points.map(({ totals }) => totals.succeeded),
    points.map(({ totals }) => underWay(totals)),
    points.map(({ totals }) => totals.failed + totals.timed_out + totals.aborted),
  ];
}
