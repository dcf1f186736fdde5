/** One event as a reader got it. */
export type SeenEvent = {
  readonly id: string;
  readonly event: string;
  readonly data: Record<string, unknown>;
};

export type EventReader = {
  readonly status: number;
  readonly headers: Headers;
  readonly seen: readonly SeenEvent[];
  /** Comments in the order in which they came. */
  readonly comments: readonly string[];
  /** The last id that was seen, as a browser keeps it. */
  readonly lastId: () => string | undefined;
  /** Resolves when the condition holds; rejects after ten seconds. */
  readonly until: (holds: (seen: readonly SeenEvent[]) => boolean) => Promise<void>;
  /** Resolves when the server has ended the stream. */
  readonly ended: Promise<void>;
  readonly close: () => void;
};

const waitMaxMs = 10_000;

/** Reads a stream of server-sent events as the standard says. */
export async function openEvents(
  url: string,
  options: { readonly token: string; readonly lastEventId?: string | undefined },
): Promise<EventReader> {
  const abort = new AbortController();
  const response = await fetch(url, {
    headers: {
      authorization: `Bearer ${options.token}`,
      ...(options.lastEventId === undefined ? {} : { "last-event-id": options.lastEventId }),
    },
    signal: abort.signal,
  });
  const seen: SeenEvent[] = [];
  const comments: string[] = [];
  let lastId = options.lastEventId;
  let wake = () => {};

  function take(block: string): void {
    const fields: Record<string, string> = {};
    for (const line of block.split("\n")) {
      const at = line.indexOf(":");
      if (at === 0) comments.push(line.slice(1).trim());
      else if (at > 0) fields[line.slice(0, at)] = line.slice(at + 1).replace(/^ /, "");
    }
    const { id, event, data } = fields;
    if (id !== undefined) lastId = id;
    if (data !== undefined) seen.push({ id: id ?? "", event: event ?? "message", data: JSON.parse(data) });
    wake();
  }

  async function read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    try {
      for await (const chunk of response.body ?? []) {
        rest += decoder.decode(chunk as Uint8Array, { stream: true });
        for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
          take(rest.slice(0, end));
          rest = rest.slice(end + 2);
        }
      }
    } catch {
      // Cut off, by the reader himself or by the server.
    }
  }

  return {
    status: response.status,
    headers: response.headers,
    seen,
    comments,
    lastId: () => lastId,
    ended: read(),
    until: (holds) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(
          () => reject(new Error(`not seen; ${seen.length} events, last ${JSON.stringify(seen.at(-1))}`)),
          waitMaxMs,
        );
        wake = () => {
          if (!holds(seen)) return;
          clearTimeout(timer);
          resolve();
        };
        wake();
      }),
    close: () => abort.abort(),
  };
}
