import { createServer, type RequestListener, type Server, STATUS_CODES } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { HttpRefusal, problemOf } from "./problem.ts";

const headerMaxBytes = 64 * 1024;
const headersTimeoutMs = 20_000;
/** Long enough for a big upload over a slow line. */
const requestTimeoutMs = 3_600_000;

/** A server that listens. */
export type Listening = {
  readonly server: Server;
  readonly port: number;
  /** `http://host:port` */
  readonly url: string;
  /** Takes no new connection, lets running requests end, cuts what is left after `graceMs`. */
  readonly close: (graceMs: number) => Promise<void>;
};

const isHeaderOverflow = (error: Error): boolean => "code" in error && error.code === "HPE_HEADER_OVERFLOW";

const refusalOf = (error: Error): HttpRefusal =>
  isHeaderOverflow(error)
    ? new HttpRefusal(431, "TOO_LARGE", `The headers are longer than the ${headerMaxBytes} bytes allowed.`)
    : new HttpRefusal(400, "INVALID_INPUT", "This is not a valid HTTP request.");

// What is not HTTP never reaches the app; it is answered in the same form.
const answerBroken = (
  error: Error,
  socket: Socket,
  isAnswering: boolean,
  newRequestId: () => string,
): void => {
  if (!socket.writable || isAnswering) {
    socket.destroy();
    return;
  }
  const { problem } = problemOf(refusalOf(error), newRequestId());
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
};

const hostInUrl = (host: string): string => (host.includes(":") ? `[${host}]` : host);

/** Knows which connections are in the middle of an answer. */
const watchAnswers = (server: Server) => {
  const answering = new Map<Socket, number>();
  const count = (socket: Socket, by: number) => {
    const left = (answering.get(socket) ?? 0) + by;
    if (left > 0) answering.set(socket, left);
    else answering.delete(socket);
  };
  let answered = () => {};
  server.on("request", ({ socket }, response) => {
    count(socket, 1);
    response.once("close", () => {
      count(socket, -1);
      setImmediate(answered);
    });
  });
  return {
    isAnswering: (socket: Socket): boolean => answering.has(socket),
    onAnswered: (then: () => void): void => {
      answered = then;
    },
  };
};

/** Listens with bounds on headers and time; port 0 is any free one. Rejects with the system's error. */
export const listen = (
  app: RequestListener,
  {
    host,
    port,
    newRequestId,
  }: { readonly host: string; readonly port: number; readonly newRequestId: () => string },
): Promise<Listening> => {
  const server = createServer({ maxHeaderSize: headerMaxBytes }, app);
  server.headersTimeout = headersTimeoutMs;
  server.requestTimeout = requestTimeoutMs;
  const { isAnswering, onAnswered } = watchAnswers(server);
  // Nothing may be written into the middle of another answer on the same connection.
  server.on("clientError", (error, socket) =>
    answerBroken(error, socket as Socket, isAnswering(socket as Socket), newRequestId),
  );
  const close = (graceMs: number): Promise<void> =>
    new Promise((resolve) => {
      // A kept-alive connection that just answered would else hold the end back until it tires.
      onAnswered(() => server.closeIdleConnections());
      const timer = setTimeout(() => server.closeAllConnections(), graceMs);
      server.close(() => {
        clearTimeout(timer);
        resolve();
      });
      server.closeIdleConnections();
    });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      const bound = (server.address() as AddressInfo).port;
      resolve({ server, port: bound, url: `http://${hostInUrl(host)}:${bound}`, close });
    });
  });
};
