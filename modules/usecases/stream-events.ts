import { OtauError } from "../errors.ts";
import { isWanted, type LineFilter, type ReadLine, readLine } from "./journal-line.ts";
import type { Journal } from "./ports.ts";

const linesPerRead = 500;
const unreadMaxBytes = 1024 * 1024;

/** Where a reader's events are written: text of server-sent events. */
export type StreamSink = {
  readonly write: (text: string) => void;
  /** Bytes that are written and not yet on their way. */
  readonly pendingBytes: () => number;
  readonly drained: () => Promise<void>;
  /** Aborted when the reader is gone. */
  readonly signal: AbortSignal;
};

/** Where a reader begins, what it wants, and whether it may go on reading. */
export type StreamStart = {
  readonly after: number | undefined;
  readonly filter: LineFilter;
  readonly isAllowed?: () => Promise<boolean>;
};

export type StreamDeps = {
  readonly journal: Pick<Journal, "texts" | "newest" | "oldest">;
  /** How often a product with readers is looked at. */
  readonly pollMs: number;
  readonly heartbeatMs: number;
  readonly sleep: (ms: number) => Promise<unknown>;
  readonly log: { warn(fields: object, message: string): void };
};

type Reader = {
  readonly filter: LineFilter;
  readonly sink: StreamSink;
  /** Number of the last line that was looked at for it. */
  position: number;
  isOver: boolean;
  readonly isAllowed: () => Promise<boolean>;
  readonly over: () => void;
};

/** All readers of one product that have caught up, fed by one look at the journal. */
type Feed = { position: number; readonly readers: Set<Reader> };

/**
 * The live stream. One loop per product and process reads the journal and feeds all readers; one who comes with an
 * older id reads up by himself, at his own pace, before he joins.
 */
export function makeStreamEvents(deps: StreamDeps) {
  const { journal } = deps;
  const feeds = new Map<string, Feed>();
  const open = new Set<Reader>();
  let isClosed = false;
  const heartbeat = setInterval(() => {
    for (const reader of open) void beat(reader);
  }, deps.heartbeatMs).unref();

  /** Whoever may no longer read is let go: a token can be deleted while its stream is open. */
  async function beat(reader: Reader): Promise<void> {
    reader.sink.write(": still here\n\n");
    const isAllowed = await reader.isAllowed().catch(() => true);
    if (isAllowed) return;
    reader.isOver = true;
    reader.over();
  }

  /** Writes the product's events until the reader goes, falls behind, or the process ends. */
  async function read(productId: string, start: StreamStart, sink: StreamSink): Promise<void> {
    if (isClosed) return;
    const ended = Promise.withResolvers<void>();
    const reader: Reader = {
      filter: start.filter,
      sink,
      position: start.after ?? (await journal.newest(productId)),
      isOver: sink.signal.aborted,
      isAllowed: start.isAllowed ?? (async () => true),
      over: ended.resolve,
    };
    const leave = () => finish(productId, reader);
    sink.signal.addEventListener("abort", leave, { once: true });
    open.add(reader);
    try {
      // With the id at which it began, a reader that is cut off before its first event misses none.
      sink.write(
        `: stream of ${productId}\n${start.after === undefined ? `id: ${reader.position}\n` : ""}\n`,
      );
      await catchUp(productId, reader);
      await ended.promise;
    } finally {
      leave();
    }
  }

  function finish(productId: string, reader: Reader): void {
    reader.isOver = true;
    open.delete(reader);
    feeds.get(productId)?.readers.delete(reader);
    reader.over();
  }

  async function catchUp(productId: string, reader: Reader): Promise<void> {
    await skipGap(productId, reader);
    while (!reader.isOver) {
      const newest = await journal.newest(productId);
      // No pause from here to the joining, so that no line falls between.
      const feed = feedOf(productId, newest);
      if (reader.position >= feed.position) {
        feed.readers.add(reader);
        return;
      }
      const lines = (await journal.texts(productId, reader.position, linesPerRead)).map(readLine);
      for (const line of lines) tell(reader, line);
      await reader.sink.drained();
    }
  }

  /** An id that is older than the journal, or of a line that is not there (any more), leaves a gap. */
  async function skipGap(productId: string, reader: Reader): Promise<void> {
    const oldest = await journal.oldest(productId);
    const newest = await journal.newest(productId);
    const { position } = reader;
    const isOlder = oldest > 0 && position < oldest - 1;
    if (!isOlder && position <= newest) return;
    reader.position = isOlder ? oldest - 1 : newest;
    const data = JSON.stringify({ productId, after: String(position), next: String(reader.position + 1) });
    reader.sink.write(`id: ${reader.position}\nevent: gap\ndata: ${data}\n\n`);
  }

  function feedOf(productId: string, position: number): Feed {
    const known = feeds.get(productId);
    if (known !== undefined) return known;
    const feed: Feed = { position, readers: new Set() };
    feeds.set(productId, feed);
    void follow(productId, feed);
    return feed;
  }

  async function follow(productId: string, feed: Feed): Promise<void> {
    let isFailing = false;
    do {
      try {
        await feedNew(productId, feed);
        isFailing = false;
      } catch (error) {
        if (!isFailing) deps.log.warn({ err: error, productId }, "the stream cannot read the journal");
        isFailing = true;
      }
      await deps.sleep(deps.pollMs);
    } while (feed.readers.size > 0 && !isClosed);
    feeds.delete(productId);
  }

  async function feedNew(productId: string, feed: Feed): Promise<void> {
    if ((await journal.newest(productId)) <= feed.position) return;
    for (;;) {
      const texts = await journal.texts(productId, feed.position, linesPerRead);
      for (const text of texts) {
        const line = readLine(text);
        for (const reader of feed.readers) {
          tell(reader, line);
          if (reader.sink.pendingBytes() > unreadMaxBytes) endLate(productId, reader);
        }
        feed.position = line.number;
      }
      if (texts.length < linesPerRead) return;
    }
  }

  function tell(reader: Reader, line: ReadLine): void {
    // Whoever caught up by himself may be ahead of the feed.
    if (reader.isOver || line.number <= reader.position) return;
    reader.position = line.number;
    if (!isWanted(reader.filter, line)) return;
    reader.sink.write(`id: ${line.number}\nevent: ${line.type}\ndata: ${line.text}\n\n`);
  }

  function endLate(productId: string, reader: Reader): void {
    const data = JSON.stringify({
      productId,
      reason: "more than 1 MiB behind",
      after: String(reader.position),
    });
    reader.sink.write(`event: end\ndata: ${data}\n\n`);
    finish(productId, reader);
  }

  /** Ends all streams; their readers come back with the last id they saw. */
  function close(): void {
    isClosed = true;
    clearInterval(heartbeat);
    for (const reader of open) {
      reader.isOver = true;
      reader.over();
    }
  }

  return { read, close };
}

/** The number in a `Last-Event-ID`; INVALID_INPUT for what never was an id of ours. */
export function parseEventId(text: string | readonly string[] | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  if (typeof text === "string" && /^\d{1,15}$/.test(text)) return Number(text);
  throw new OtauError(
    "INVALID_INPUT",
    "Last-Event-ID is not an id of this stream; leave it out to begin now.",
    {
      errors: [{ path: "Last-Event-ID", message: "is not an id of this stream" }],
    },
  );
}
