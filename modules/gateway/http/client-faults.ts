import type { Duplex } from "node:stream";

/**
 * Answers what is no HTTP request, or came too slowly, with as little as a reply can be, and ends the connection.
 */
export function answerClientFault(error: Error & { readonly code?: string }, socket: Duplex): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  socket.end(`HTTP/1.1 ${statusLine(error.code)}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
  // Whoever does not read the answer does not keep the connection either.
  socket.resume();
  setTimeout(() => socket.destroy(), 1000).unref();
}

function statusLine(code: string | undefined): string {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return "431 Request Header Fields Too Large";
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return "408 Request Timeout";
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return "413 Payload Too Large";
    default:
      return "400 Bad Request";
  }
}
