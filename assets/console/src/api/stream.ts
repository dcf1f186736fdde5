import { signal } from "@preact/signals";
import { authHeaders, productPath, type Query, withQuery } from "./client.ts";
import type { StreamEvent } from "./types.ts";

/** How the live connection fares: shown in the header. */
export const liveness = signal<"off" | "connecting" | "live" | "lost">("off");

type Follow = {
  readonly productId: string;
  readonly query?: Query;
  readonly onEvent: (event: StreamEvent) => void;
  /** Lines were missed: read everything anew. */
  readonly onGap?: () => void;
};

const firstDelayMs = 500;
const maxDelayMs = 10_000;
// The server sends a comment each 15 s; a connection silent for longer is dead, whatever the browser thinks.
const silenceMs = 40_000;

/**
 * Follows the product's stream until the returned function is called. An `EventSource` cannot send a token, so the
 * events are read from a fetch; it reconnects by itself, after the last line it saw.
 */
export function followStream(follow: Follow): () => void {
  const stop = new AbortController();
  void run(follow, stop.signal);
  return () => {
    stop.abort();
    liveness.value = "off";
  };
}

async function run(follow: Follow, signal: AbortSignal): Promise<void> {
  let lastId = "";
  let delayMs = firstDelayMs;
  let isFirst = true;
  while (!signal.aborted) {
    if (liveness.value !== "lost") liveness.value = "connecting";
    const ended = await readOnce(follow, lastId, signal, {
      opened: () => {
        liveness.value = "live";
        delayMs = firstDelayMs;
        // Nothing was seen yet, so nothing can be resumed: what happened meanwhile must be read.
        if (!isFirst && lastId === "") follow.onGap?.();
        isFirst = false;
      },
      seen: (id) => {
        lastId = id;
      },
    }).catch(() => undefined);
    if (signal.aborted || ended === "refused") return;
    liveness.value = "lost";
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    delayMs = Math.min(delayMs * 2, maxDelayMs);
  }
}

type Hooks = { readonly opened: () => void; readonly seen: (id: string) => void };

async function readOnce(
  { productId, query, onEvent, onGap }: Follow,
  lastId: string,
  signal: AbortSignal,
  hooks: Hooks,
): Promise<"ended" | "refused"> {
  const dead = new AbortController();
  const response = await fetch(withQuery(productPath(productId, "stream"), query), {
    headers: { ...authHeaders(), ...(lastId === "" ? {} : { "last-event-id": lastId }) },
    signal: AbortSignal.any([signal, dead.signal]),
  });
  if ([401, 403, 404].includes(response.status)) return "refused";
  if (!response.ok || response.body === null) return "ended";
  hooks.opened();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const timer = setTimeout(() => dead.abort(), silenceMs);
    const { done, value } = await reader.read();
    clearTimeout(timer);
    if (done) return "ended";
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const { id, event, text } = readBlock(block);
      if (id !== "") hooks.seen(id);
      if (event === "gap") onGap?.();
      else if (event !== "end" && text !== "") onEvent(JSON.parse(text) as StreamEvent);
    }
  }
}

function readBlock(block: string): { readonly id: string; readonly event: string; readonly text: string } {
  const fields = { id: "", event: "", text: "" };
  for (const line of block.split("\n")) {
    if (line.startsWith("id:")) fields.id = line.slice(3).trim();
    else if (line.startsWith("event:")) fields.event = line.slice(6).trim();
    else if (line.startsWith("data:")) fields.text += line.slice(5).trim();
  }
  return fields;
}
