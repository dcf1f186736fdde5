import type { IncomingMessage, ServerResponse } from "node:http";
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
    try {
      const bytes = await reply.stream.open();
      if (response.destroyed) return void bytes.destroy();
      writeHead(request, response, reply, reply.stream.length);
      response.setTimeout(stallMs, () => response.destroy());
      await pipeline(bytes, response);
    } finally {
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

const tooMany = (open: number): OtauError =>
  new OtauError("STORE_UNAVAILABLE", `${open} downloads are under way; try again later.`, {
    retryAfterSeconds: 10,
  });
