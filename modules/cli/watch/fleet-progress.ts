import cliProgress from "cli-progress";
import type { FleetCounts } from "../fleet-runner.ts";
import type { Io } from "../io.ts";
import type { Output } from "../output.ts";

/** Shows how far a simulated fleet is; on stderr, as the result goes to stdout. */
export type FleetProgress = { readonly show: (counts: FleetCounts) => void; readonly stop: () => void };

const endedNames = ["succeeded", "failed", "aborted", "timedOut", "timed_out"];

/** A bar on a terminal; elsewhere one line on stderr whenever the count of ended devices changes. */
export function makeFleetProgress(io: Io, out: Output, total: number): FleetProgress {
  if (out.isJson || io.progressStream === undefined) return makeLineProgress(out, total);
  const bar = new cliProgress.SingleBar(
    { format: "{bar} {value}/{total} {detail}", stream: io.progressStream, hideCursor: true },
    cliProgress.Presets.shades_classic,
  );
  bar.start(total, 0, { detail: "" });
  return {
    show: (counts) => bar.update(Math.min(total, endedOf(counts)), { detail: detailOf(counts) }),
    stop: () => bar.stop(),
  };
}

function makeLineProgress(out: Output, total: number): FleetProgress {
  let last = -1;
  return {
    show: (counts) => {
      const ended = endedOf(counts);
      if (ended === last) return;
      last = ended;
      // A lost line of progress is no reason to stop.
      out.note(`${ended}/${total} ${detailOf(counts)}`).catch(() => {});
    },
    stop: () => {},
  };
}

function endedOf(counts: FleetCounts): number {
  return endedNames.reduce((sum, name) => sum + (typeof counts[name] === "number" ? counts[name] : 0), 0);
}

function detailOf(counts: FleetCounts): string {
  const numbers = Object.entries(counts).filter(([, value]) => typeof value === "number" && value > 0);
  return numbers.map(([name, value]) => `${name} ${value}`).join(", ");
}
