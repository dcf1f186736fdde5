import { hash } from "node:crypto";
import type { JournalEvent } from "../../otau/model.ts";
import { updateIdOf } from "../../otau/update-id.ts";
import type { JournalLine } from "../../usecases/ports.ts";

/** An entry of an outbox: the log of a shard (one device's events) or of a product's slot (one event). */
export type LogEntry = { readonly position: string; readonly fields: ReadonlyMap<string, string> };

/** Where a journal stands: the number of its last line, and the digest of all lines up to it. */
export type JournalHead = { readonly number: number; readonly digest: string };

/** A lot of lines as the journal keeps it: one stream entry, named by its last line's number. */
export type Lot = { readonly text: string; readonly count: number; readonly head: JournalHead };

/** Between the lines of a lot; JSON text holds no line break. */
const separator = "\n";

/** The journal lines of the entries, numbered on from the head, and the head after them. */
export function lotOf(productId: string, entries: readonly LogEntry[], head: JournalHead): Lot {
  const texts: string[] = [];
  let { number, digest } = head;
  const timeText = makeTimeText();
  for (const { fields } of entries) {
    for (const line of linesOf(productId, fields, timeText)) {
      number += 1;
      const text = JSON.stringify({ id: String(number), ...line });
      // Each digest covers the one before, so that no line can be changed, dropped, swapped or cut off unseen.
      digest = nextDigest(digest, text);
      texts.push(text);
    }
  }
  return { text: texts.join(separator), count: texts.length, head: { number, digest } };
}

/** The lines of a lot beyond a number, with the number of its last one. */
export function readLot(text: string, lastNumber: number, after: number): string[] {
  if (text === "") return [];
  const texts = text.split(separator);
  return texts.slice(Math.max(0, after - (lastNumber - texts.length)));
}

/** What a reader checks the chain with: the digest after a line, from the one before it. */
export function nextDigest(digest: string, text: string): string {
  return hash("sha256", `${digest}${separator}${text}`, "base64url");
}

type Line = Omit<JournalLine, "id">;
type TimeText = (ms: number) => string;

function linesOf(productId: string, fields: LogEntry["fields"], timeText: TimeText): Line[] {
  const events = fields.get("events");
  if (events === undefined) return [productLine(productId, fields, timeText)];
  const identity = fields.get("identity") ?? "";
  const uid = fields.get("uid") ?? "";
  return (JSON.parse(events) as JournalEvent[]).map((event) => {
    const { at, type, seq, deploymentId } = event;
    const line = { at: timeText(at), productId, type, seq, identity };
    const shown = shownOf(event);
    return deploymentId === undefined
      ? Object.assign(line, shown)
      : Object.assign(line, { updateId: updateIdOf(deploymentId, uid) }, shown);
  });
}

/** The rest of a line (contract 8), in this order; what else an event carries is not for the journal. */
const shownFields = [
  "deploymentId",
  "packageId",
  "version",
  "attempt",
  "from",
  "to",
  "reason",
  "decision",
  "totals",
  "actor",
  "revision",
] as const;

function shownOf(event: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  for (const field of shownFields) if (event[field] !== undefined) shown[field] = event[field];
  return shown;
}

function productLine(productId: string, fields: LogEntry["fields"], timeText: TimeText): Line {
  const seq = Number(fields.get("seq"));
  const event = JSON.parse(fields.get("event") ?? "{}") as {
    readonly type: string;
    readonly identity?: string;
  };
  const { type, identity } = event;
  return {
    at: timeText(Number(fields.get("at"))),
    productId,
    type,
    seq,
    ...(identity === undefined ? {} : { identity }),
    ...shownOf({ revision: seq, ...event }),
  };
}

/** Neighbouring lines often have the same time, and writing it is the dearest part of a line. */
function makeTimeText(): TimeText {
  let lastMs = Number.NaN;
  let lastText = "";
  return (ms) => {
    if (ms !== lastMs) {
      lastMs = ms;
      lastText = new Date(ms).toISOString();
    }
    return lastText;
  };
}
