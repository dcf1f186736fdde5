import type { HistoryFold, HistoryLine } from "../../otau/model.ts";
import type { Actor, ActorKind } from "../../otau/vocabulary.ts";

/**
 * A history line as stored: `count,lastAt,{short names}`, and after a line break the last message that was folded
 * into it. So a fold moves the head and the tail, and needs not to understand what stands between.
 */
export function encodeLine(line: HistoryLine): string {
  const { seq, count, lastAt, actor, ...rest } = line;
  const short: Record<string, unknown> = { s: seq };
  for (const [name, value] of Object.entries(rest)) {
    if (value === undefined) continue;
    const known = shortNames[name as keyof typeof shortNames];
    short[known ?? name] = typeof value === "string" ? value.toWellFormed() : value;
  }
  short["u"] = `${actor.kind}:${actor.id.toWellFormed()}`;
  return `${count ?? ""},${lastAt ?? ""},${JSON.stringify(short)}`;
}

/** The line of {@link encodeLine}'s text, folds included. */
export function decodeLine(text: string): HistoryLine {
  const countEnd = text.indexOf(",");
  const lastEnd = text.indexOf(",", countEnd + 1);
  const bodyEnd = text.indexOf("\n");
  const body = text.slice(lastEnd + 1, bodyEnd < 0 ? undefined : bodyEnd);
  const line: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(JSON.parse(body) as Record<string, unknown>)) {
    line[longNames.get(name) ?? name] = value;
  }
  line["actor"] = decodeActor(String(line["actor"]));
  const count = text.slice(0, countEnd);
  const lastAt = text.slice(countEnd + 1, lastEnd);
  if (count !== "") line["count"] = Number(count);
  if (lastAt !== "") line["lastAt"] = Number(lastAt);
  if (bodyEnd >= 0) line["message"] = text.slice(bodyEnd + 1);
  return line as HistoryLine;
}

/** A fold as arguments of the commit script: time of the last report, and its message after `+`, else nothing. */
export function encodeFold(fold: HistoryFold): readonly [lastAt: string, message: string] {
  return [String(fold.lastAt), fold.message === undefined ? "" : `+${fold.message.toWellFormed()}`];
}

const shortNames = {
  at: "t",
  stampedAt: "p",
  kind: "k",
  raw: "r",
  status: "S",
  version: "v",
  message: "m",
  cut: "x",
  clockWrong: "w",
  decision: "d",
  deploymentId: "D",
  attempt: "a",
  from: "f",
  to: "o",
  reason: "R",
  note: "n",
} as const satisfies Partial<Record<keyof HistoryLine, string>>;

const longNames: ReadonlyMap<string, string> = new Map([
  ...Object.entries(shortNames).map(([long, short]) => [short as string, long] as const),
  ["s", "seq"],
  ["u", "actor"],
]);

function decodeActor(text: string): Actor {
  const kindEnd = text.indexOf(":");
  return { kind: text.slice(0, kindEnd) as ActorKind, id: text.slice(kindEnd + 1) };
}
