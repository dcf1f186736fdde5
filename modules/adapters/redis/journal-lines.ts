import { hash } from "node:crypto";
import type { JournalEvent } from "../../otau/model.ts";
import { updateIdOf } from "../../otau/update-id.ts";
import type { JournalLine } from "../../usecases/ports.ts";

/** An entry of an outbox: the log of a shard (one device's events) or of a product's slot (one event). */
export type LogEntry = { readonly position: string; readonly fields: ReadonlyMap<string, string> };

/** Where a journal stands: the number of its last line, and the digest of all lines up to it. */
export type JournalHead = { readonly number: number; readonly digest: string };

/** What an entry becomes, without a number yet. */
type Draft = Omit<JournalLine, "id">;

/** The journal lines of the entries, numbered on from the head, as texts; and the head after them. */
export function linesOf(
  productId: string,
  entries: readonly LogEntry[],
  head: JournalHead,
): { texts: string[]; head: JournalHead } {
  const texts: string[] = [];
  let { number, digest } = head;
  for (const draft of entries.flatMap((entry) => draftsOf(productId, entry))) {
    number += 1;
    const text = JSON.stringify({ id: String(number), ...draft });
    // Each digest covers the one before, so that no line can be changed, dropped, swapped or cut off unseen.
    digest = hash("sha256", `${digest}\n${text}`, "base64url");
    texts.push(text);
  }
  return { texts, head: { number, digest } };
}

/** What a reader checks the chain with: the digest after a line, from the one before it. */
export function nextDigest(digest: string, text: string): string {
  return hash("sha256", `${digest}\n${text}`, "base64url");
}

function draftsOf(productId: string, { fields }: LogEntry): Draft[] {
  const events = fields.get("events");
  if (events !== undefined) {
    const device = { identity: fields.get("identity") ?? "", uid: fields.get("uid") ?? "" };
    return (JSON.parse(events) as JournalEvent[]).map((event) => deviceDraft(productId, device, event));
  }
  const seq = Number(fields.get("seq"));
  const { type, ...rest } = JSON.parse(fields.get("event") ?? "{}") as { readonly type: string };
  const at = isoTime(Number(fields.get("at")));
  return [{ at, productId, type, seq, revision: seq, ...rest }];
}

function deviceDraft(
  productId: string,
  { identity, uid }: { readonly identity: string; readonly uid: string },
  event: JournalEvent,
): Draft {
  const { at, type, seq, deploymentId, ...rest } = event;
  const update = deploymentId === undefined ? {} : { updateId: updateIdOf(deploymentId, uid), deploymentId };
  return { at: isoTime(at), productId, type, seq, identity, ...update, ...rest };
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
