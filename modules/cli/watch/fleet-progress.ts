import cliProgress from "cli-progress";
import type { FleetCounts } from "../fleet-runner.ts";
import type { Io } from "../io.ts";
import type { Output } from "../output.ts";
import { cleanText } from "../tables.ts";

/** Shows how far a simulated fleet is; on stderr, as the result goes to stdout. */
export type FleetProgress = {
  readonly show: (counts: FleetCounts) => void;
  /** A remark that leaves the bar whole. */
  readonly say: (text: string) => void;
  readonly stop: () => void;
};

const endedNames = ["succeeded", "failed", "aborted", "timedOut", "timed_out"];

/** A bar on a terminal; elsewhere one line on stderr whenever the count of ended devices changes. */
export function makeFleetProgress(io: Io, out: Output, total: number): FleetProgress {
  const stream = io.progressStream;
  if (out.isJson || stream === undefined) return makeLineProgress(out, total);
  const bar = new cliProgress.SingleBar(
    { format: "{bar} {value}/{total} {detail}", stream, hideCursor: true },
    cliProgress.Presets.shades_classic,
  );
  bar.start(total, 0, { detail: "" });
  return {
    show: (counts) => bar.update(Math.min(total, endedOf(counts)), { detail: detailOf(counts) }),
    // The bar is drawn again below at its next step.
    say: (text) => stream.write(`\r\u001b[K${cleanText(text)}\n`),
    stop: () => {
      if (bar.isActive) bar.stop();
    },
  };
}

function makeLineProgress(out: Output, total: number): FleetProgress {
  let last = -1;
  // A lost line of progress is no reason to stop.
  const say = (text: string): void => {
    out.note(text).catch(() => {});
  };
  return {
    say,
    show: (counts) => {
      const ended = endedOf(counts);
      if (ended === last) return;
      last = ended;
      say(`${ended}/${total} ${detailOf(counts)}`);
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
