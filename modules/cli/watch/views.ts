import { stripVTControlCharacters } from "node:util";
import cliProgress, { type Options } from "cli-progress";
import type { Io } from "../io.ts";
import { colourOfState, type Output } from "../output.ts";
import type { Update } from "../shapes.ts";
import { type Column, cleanText } from "../tables.ts";
import { finalCount, isFinal, type Snapshot, totalOf, totalsText } from "./snapshot.ts";

/** Shows one snapshot after the other. */
export type View = { readonly show: (snapshot: Snapshot) => Promise<void> };

/** gw-2 before gw-10. */
const byName = new Intl.Collator("en", { numeric: true });
const barSize = 30;
const barOptions: Options = {
  barsize: barSize,
  barCompleteString: "█".repeat(barSize),
  barIncompleteString: "░".repeat(barSize),
  barGlue: "",
};
/** Head line, bar, totals, frame and heading of the table, the line below, and where the cursor rests. */
const linesAroundTable = 9;

const updateColumns: readonly Column<Update>[] = [
  { title: "device", of: (update) => update.identity },
  { title: "state", of: (update) => update.state },
  { title: "status", of: (update) => update.status },
  { title: "try", of: (update) => update.attempt, isNumber: true },
  { title: "reason", of: (update) => update.reason },
  { title: "message", of: (update) => update.message, isFlexible: true },
];

/** The view that fits who reads: JSON lines, a picture drawn in place, or plain lines. */
export function makeView(io: Io, out: Output): View {
  if (out.isJson) return makeJsonView(out);
  return out.isTerminal ? makeLiveView(io, out) : makeLineView(io, out);
}

/** One line of JSON whenever the deployment has changed. */
function makeJsonView(out: Output): View {
  let last = "";
  return {
    show: async ({ deployment }) => {
      const text = JSON.stringify(deployment);
      if (text !== last) await out.jsonLine(deployment);
      last = text;
    },
  };
}

/** One line for each change of a device, one whenever the totals have changed. */
function makeLineView(io: Io, out: Output): View {
  const lastByUpdate = new Map<string, string>();
  let lastTotals = "";
  const say = (text: string): Promise<void> => out.line(cleanText(`${io.now().toISOString()}  ${text}`));
  return {
    show: async ({ deployment, updates, isComplete }) => {
      for (const update of updates.filter((one) => isComplete || isFinal(one.state))) {
        const text = updateText(update);
        if (lastByUpdate.get(update.id) !== text) await say(text);
        lastByUpdate.set(update.id, text);
      }
      const totals = `${deployment.state}  ${finalCount(deployment)}/${totalOf(deployment)}  ${totalsText(deployment, plain)}`;
      if (totals !== lastTotals) await say(`deployment ${deployment.id}  ${totals.trimEnd()}`);
      lastTotals = totals;
    },
  };
}

function updateText({ identity, state, status, attempt, reason, message }: Update): string {
  const parts = [
    identity,
    state,
    status,
    attempt === undefined || attempt < 2 ? "" : `try ${attempt}`,
    reason,
    message,
  ];
  return parts.filter((part) => part !== undefined && part !== "").join("  ");
}

/** A picture that is drawn over the one before. */
function makeLiveView(io: Io, out: Output): View {
  let drawnRows = 0;
  return {
    show: async (snapshot) => {
      const lines = frameLines(io, out, snapshot);
      // One write, so that the picture does not flicker: back to its first line, clear, draw.
      const back = drawnRows === 0 ? "" : `\u001b[${drawnRows}A\r\u001b[0J`;
      const { columns } = io.size();
      drawnRows = lines.reduce((sum, line) => sum + rowsOf(line, columns), 0);
      await out.raw(`${back}${lines.join("\n")}\n`);
    },
  };
}

/** Rows of the terminal that a line takes: a long one wraps. */
function rowsOf(line: string, columns: number): number {
  return Math.max(1, Math.ceil(stripVTControlCharacters(line).length / columns));
}

function frameLines(io: Io, out: Output, snapshot: Snapshot): readonly string[] {
  const { deployment, updates } = snapshot;
  const paint = (text: string, state: string): string => out.colour(text, colourOfState(state));
  const total = totalOf(deployment);
  const title = [deployment.id, deployment.packageId, deployment.version]
    .filter(Boolean)
    .map(String)
    .join("  ");
  const bar = cliProgress.Format.BarFormat(total === 0 ? 0 : finalCount(deployment) / total, barOptions);
  const rowsMax = Math.max(1, io.size().rows - linesAroundTable);
  const shown = [...updates].sort(byInterest).slice(0, rowsMax);
  const hidden = total - shown.length;
  return [
    `${out.colour(cleanText(title), "bold")}  ${paint(cleanText(deployment.state), deployment.state)}${stopText(snapshot)}`,
    `${bar} ${finalCount(deployment)}/${total}`,
    totalsText(deployment, paint) || "no device yet",
    ...(shown.length === 0 ? [] : out.drawTable(updateColumns, shown).split("\n")),
    ...(hidden > 0 ? [out.colour(`and ${hidden} more`, "gray")] : []),
  ];
}

/** A deployment that stands still says what moves it again. */
function stopText({ deployment }: Snapshot): string {
  if (deployment.state !== "paused" && deployment.state !== "halted") return "";
  return `  (go on with: otau deployments resume ${deployment.id})`;
}

/** What runs first, then what went wrong, then what waits, then the rest. */
function byInterest(a: Update, b: Update): number {
  return interestOf(a.state) - interestOf(b.state) || byName.compare(a.identity, b.identity);
}

function interestOf(state: string): number {
  if (state === "failed" || state === "timed_out" || state === "aborted") return 1;
  if (state === "waiting") return 2;
  return isFinal(state) ? 3 : 0;
}

function plain(text: string): string {
  return text;
}
