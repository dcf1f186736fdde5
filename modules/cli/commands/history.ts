import type { Command } from "commander";
import type { Io } from "../io.ts";
import { addLeaf, listLimitDefault } from "../leaf.ts";
import { parseCount } from "../parsing.ts";
import { openSession, type Session } from "../session.ts";
import type { HistoryLine } from "../shapes.ts";
import type { Column } from "../tables.ts";

type HistoryOptions = { readonly limit: string };

const columns: readonly Column<HistoryLine>[] = [
  { title: "seq", of: (line) => line.seq, isNumber: true },
  { title: "at", of: (line) => line.at },
  { title: "kind", of: (line) => line.kind },
  { title: "status", of: (line) => line.status },
  { title: "version", of: (line) => line.version },
  { title: "decision", of: (line) => line.decision },
  { title: "change", of: changeText },
  { title: "try", of: (line) => line.attempt, isNumber: true },
  { title: "count", of: (line) => line.count, isNumber: true },
  { title: "reason", of: (line) => line.reason },
  { title: "message", of: (line) => line.message, isFlexible: true },
];

/** Adds `history`. */
export function addHistory(program: Command, io: Io): void {
  addLeaf(program, {
    usage: "history <identity>",
    summary: "Show all that happened to a device, oldest first: reports, writes, deadlines, acts of people",
    examples: ["otau history gw-1", "otau history gw-1 --limit 20 --json"],
  })
    .option("--limit <n>", "only the newest so many", listLimitDefault)
    .action((identity: string, options: HistoryOptions, command: Command) =>
      showHistory(openSession(io, command), identity, options),
    );
}

async function showHistory(
  { api, out }: Session,
  identity: string,
  { limit }: HistoryOptions,
): Promise<void> {
  const path = `${api.productPath("devices", identity)}/history`;
  // Newest first over the wire, so that a limit cuts the oldest off; people read from the top down.
  const page = await api.list<HistoryLine>(path, { order: "desc" }, parseCount("--limit", limit));
  const lines = { items: page.items.toReversed(), next: page.next };
  await out.answer(lines, async () => {
    await out.table(columns, lines.items, `Nothing has happened to ${identity} yet.`);
    if (lines.next !== null) await out.note(`Older lines exist: see more with --limit N`);
  });
}

function changeText({ from, to }: HistoryLine): string | undefined {
  return from === undefined && to === undefined ? undefined : `${from ?? ""} → ${to ?? ""}`;
}
