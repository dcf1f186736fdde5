import type { IncomingMessage, ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { OtauError } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import { type DeviceReply, faultReply, sendReply, writeHead } from "./replies.ts";

/** A reply whose body is read while it is sent. */
export type StreamReply = DeviceReply & { readonly stream: NonNullable<DeviceReply["stream"]> };

/**
 * Sends replies from streams, with their exact length, and resolves when all is sent or nobody takes it any more:
 * whoever stops reading for `stallMs` is cut off. Above `maxAtOnce` the answer is 503.
 */
export function createStreamReplies(options: {
  readonly log: Logger;
  readonly maxAtOnce: number;
  readonly stallMs: number;
}): (request: IncomingMessage, response: ServerResponse, reply: StreamReply) => Promise<void> {
  const { log, maxAtOnce, stallMs } = options;
  let open = 0;

  const send = async (request: IncomingMessage, response: ServerResponse, reply: StreamReply) => {
    if (open >= maxAtOnce) throw tooMany(open);
    open++;
    let bytes: Readable | undefined;
    try {
      bytes = await reply.stream.open();
      if (response.destroyed) return;
      writeHead(request, response, reply, reply.stream.length);
      response.setTimeout(stallMs, () => response.destroy());
      await pipeline(bytes, exactly(reply.stream.length), response);
    } finally {
      bytes?.destroy();
      open--;
    }
  };

  return async (request, response, reply) => {
    try {
      if (request.method !== "HEAD") return await send(request, response, reply);
      writeHead(request, response, reply, reply.stream.length);
      response.end();
    } catch (error) {
      if (!response.headersSent) return sendReply(request, response, faultReply(error, log));
      // The length was promised: a connection that ends early is the only way left to say that it is not all.
      log.debug({ err: error }, "download cut short");
      response.destroy();
    }
  };
}

/** Passes the bytes on; throws where they end before their length, as the device would wait for the rest. */
function exactly(length: number) {
  return async function* (bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let passed = 0;
    for await (const chunk of bytes) {
      passed += chunk.length;
      yield chunk;
    }
    if (passed !== length) throw new Error(`the content has ${passed} bytes instead of ${length}`);
  };
}

const tooMany = (open: number): OtauError =>
  new OtauError("STORE_UNAVAILABLE", `${open} downloads are under way; try again later.`, {
    retryAfterSeconds: 10,
  });
