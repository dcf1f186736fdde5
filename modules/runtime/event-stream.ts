import type { ServerResponse } from "node:http";
import { type Reply, takenOver } from "./reply.ts";

/** The writing side of a reply of server-sent events. */
export type EventSink = {
  /** Writes text as it is: whole events or comments, with their empty line. */
  readonly write: (text: string) => void;
  /** Bytes that are written and not yet taken over by the network. */
  readonly pendingBytes: () => number;
  /** Resolves when all that was written has been taken over, or the reader is gone. */
  readonly drained: () => Promise<void>;
  /** Ends the reply; what the reader does not take within `graceMs` is cut. */
  readonly end: (graceMs: number) => void;
  /** Aborted when the reader is gone. */
  readonly signal: AbortSignal;
};

const sinkOf = (response: ServerResponse, signal: AbortSignal): EventSink => ({
  write: (text) => {
    if (!response.writableEnded && !response.destroyed) response.write(text);
  },
  pendingBytes: () => response.writableLength,
  drained: () =>
    new Promise((resolve) => {
      if (response.destroyed || !response.writableNeedDrain) return resolve();
      const done = () => {
        response.off("drain", done);
        response.off("close", done);
        resolve();
      };
      response.once("drain", done);
      response.once("close", done);
    }),
  end: (graceMs) => {
    if (response.destroyed) return;
    const timer = setTimeout(() => response.destroy(), graceMs).unref();
    response.once("close", () => clearTimeout(timer));
    response.end();
  },
  signal,
});

/** A reply of server-sent events: `run` writes until it resolves; then the reply ends. */
export const eventStream = (run: (sink: EventSink) => Promise<void>): Reply<never> =>
  takenOver(
    async (response) => {
      const gone = new AbortController();
      response.once("close", () => gone.abort());
      if (response.destroyed) gone.abort();
      const sink = sinkOf(response, gone.signal);
      try {
        await run(sink);
      } finally {
        sink.end(endGraceMs);
      }
    },
    // A proxy that gathers replies would hold events back.
    { headers: { "x-accel-buffering": "no" } },
  );

const endGraceMs = 5000;
