import { Readable } from "node:stream";
import { type Reply, streamed } from "./reply.ts";

/** A reply of text that is made while it is sent, as fast as its reader takes it. */
export const respondLines = (chunks: AsyncIterable<string>): Reply<never> =>
  streamed(Readable.from(chunks, { objectMode: false }));
