import type { IncomingMessage, ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import { OtauError } from "../../errors.ts";
import type { Logger } from "../../logger.ts";

/** What a device is answered: small, with a length, and with no header it does not need. */
export type DeviceReply = {
  readonly status: number;
  readonly body?: string;
  /** Bytes in place of a body, sent as they are read: opened only when they are wanted. */
  readonly stream?: { readonly length: number; readonly open: () => Promise<Readable> };
  /** MIME type. */
  readonly type?: string;
  /** Names and values in turn. */
  readonly headers?: readonly string[];
};

/** A reply in plain words. */
export const textReply = (status: number, body: string, headers: readonly string[] = []): DeviceReply => ({
  status,
  body,
  type: "text/plain",
  headers,
});

export const emptyReply = (status: number, headers: readonly string[] = []): DeviceReply => ({
  status,
  headers,
});

/**
 * Sends a reply without a stream in one piece. The oldest clients read 512 bytes, look for the literal `Content-Length: ` and know no
 * chunks, so a 204 and a 304 carry a length as well, and neither Date nor Keep-Alive is sent.
 */
export function sendReply(request: IncomingMessage, response: ServerResponse, reply: DeviceReply): void {
  if (response.headersSent || response.destroyed) return;
  const body = reply.body ?? "";
  writeHead(request, response, reply, Buffer.byteLength(body));
  response.end(body);
}

/** Sends status line and headers; the body has exactly so many bytes. */
export function writeHead(
  request: IncomingMessage,
  response: ServerResponse,
  reply: DeviceReply,
  length: number,
): void {
  const headers = reply.type === undefined ? [] : ["Content-Type", reply.type];
  headers.push("Content-Length", String(length), ...(reply.headers ?? []));
  response.sendDate = false;
  if (!response.shouldKeepAlive) headers.push("Connection", "close");
  else if (request.httpVersionMinor === 0) headers.push("Connection", "keep-alive");
  // HTTP/1.1 keeps a connection by itself; removing the header keeps Node from adding two.
  else response.removeHeader("Connection");
  response.writeHead(reply.status, headers);
}

/** What a caught error is to a device. Faults of ours are logged, and named to nobody. */
export function faultReply(error: unknown, log: Logger): DeviceReply {
  if (!(error instanceof OtauError)) {
    log.error({ err: error }, "device request failed");
    return textReply(500, "Something went wrong on our side; try again later.\n");
  }
  const retryAfterSeconds = error.extras.retryAfterSeconds ?? 5;
  const isLater = error.status === 503 || error.status === 429;
  return textReply(
    error.status,
    `${shortened(error.message)}\n`,
    isLater ? ["Retry-After", String(retryAfterSeconds)] : [],
  );
}

// Bounded, so that the whole reply stays within the oldest client's buffer.
const shortened = (text: string): string => (text.length > 200 ? `${text.slice(0, 199)}…` : text);
