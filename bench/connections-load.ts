import { connect, type Socket } from "node:net";

/**
 * The other side of `connections.ts`, a process of its own: holds the devices' connections, and notes when each got
 * its value. Sockets without a client library, so that it is the listener that is measured.
 */
export type LoadOrder =
  | { readonly kind: "mqtt"; readonly port: number; readonly tokens: readonly string[] }
  /** As many connections that log in without a token: what a bare broker takes. */
  | { readonly kind: "bare"; readonly port: number; readonly count: number }
  | { readonly kind: "polls"; readonly port: number; readonly tokens: readonly string[] }
  | { readonly kind: "arrivals" };

/** Times of arrival, milliseconds since 1970 with fractions. */
export type LoadAnswer = {
  readonly open: number;
  readonly failed: number;
  readonly mqtt: readonly number[];
  readonly polls: readonly number[];
  /** Values beyond the first of a connection, and those that were not what was applied. */
  readonly surplus: number;
  readonly wrong: number;
  /** What connections failed with, and answers that were no value. */
  readonly faults: readonly string[];
};

const openingAtOnce = 200;
const arrivals = { mqtt: [] as number[], polls: [] as number[] };
const faults = new Set<string>();
let [open, failed, surplus, wrong] = [0, 0, 0, 0];

const now = (): number => performance.timeOrigin + performance.now();

const text = (value: string): Buffer => {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
};

/** CONNECT of MQTT 3.1.1 without a keep-alive; with a token as password if there is one. */
function connectPacket(clientId: string, token: string | undefined): Buffer {
  const flags = token === undefined ? 2 : 2 | 128 | 64;
  const login = token === undefined ? [] : [text(""), text(token)];
  const body = Buffer.concat([text("MQTT"), Buffer.from([4, flags, 0, 0]), text(clientId), ...login]);
  return Buffer.concat([Buffer.from([0x10, body.length]), body]);
}

/** Notes a PUBLISH with QoS 1 and acknowledges it; answers how many bytes it had, 0 while it is not whole. */
function takePublish(socket: Socket, bytes: Buffer): number {
  let [length, shift, at] = [0, 0, 1];
  for (;;) {
    const digit = bytes[at];
    if (digit === undefined) return 0;
    at += 1;
    length |= (digit & 127) << shift;
    shift += 7;
    if (digit < 128) break;
  }
  if (bytes.length < at + length) return 0;
  const idAt = at + 2 + bytes.readUInt16BE(at);
  socket.write(Buffer.from([0x40, 2, bytes[idAt] ?? 0, bytes[idAt + 1] ?? 0]));
  if (!bytes.subarray(idAt + 2, at + length).includes('"version":"2.0.0"')) wrong += 1;
  return at + length;
}

async function openMqtt(port: number, clientId: string, token: string | undefined): Promise<void> {
  const socket = connect({ port, host: "127.0.0.1" });
  let rest = Buffer.alloc(0);
  let isIn = false;
  let hasValue = false;
  await new Promise<void>((resolve) => {
    socket.on("connect", () => socket.write(connectPacket(clientId, token)));
    socket.on("data", (chunk) => {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      if (!isIn && rest.length >= 4) {
        isIn = rest[3] === 0;
        rest = rest.subarray(4);
        if (isIn) open += 1;
        resolve();
      }
      for (let used = rest.length > 1 ? takePublish(socket, rest) : 0; used > 0; ) {
        if (hasValue) surplus += 1;
        else arrivals.mqtt.push(now());
        hasValue = true;
        rest = rest.subarray(used);
        used = rest.length > 1 ? takePublish(socket, rest) : 0;
      }
    });
    socket.on("error", (error) => faults.add(error.message));
    socket.on("close", () => {
      if (isIn) open -= 1;
      failed += 1;
      resolve();
    });
  });
}

/** Sends a long poll; its answer is noted when it comes. */
function sendPoll(port: number, token: string): Promise<void> {
  const socket = connect({ port, host: "127.0.0.1" });
  let reply = "";
  return new Promise((resolve) => {
    socket.on("connect", () => {
      open += 1;
      const lines = [
        "GET /onep:v1/stack/alias?config_otau HTTP/1.1",
        "Host: default",
        `X-Exosite-CIK: ${token}`,
        "Request-Timeout: 300000",
      ];
      socket.write(`${lines.join("\r\n")}\r\n\r\n`, () => resolve());
    });
    socket.on("data", (chunk) => {
      if (reply === "") arrivals.polls.push(now());
      reply += chunk.toString();
      if (reply.startsWith("HTTP/1.1 200")) return;
      wrong += 1;
      faults.add(reply.slice(0, reply.indexOf("\r")));
    });
    socket.on("error", (error) => {
      failed += 1;
      faults.add(error.message);
      resolve();
    });
  });
}

async function follow(order: LoadOrder): Promise<void> {
  if (order.kind === "polls") {
    await Promise.all(order.tokens.map((token) => sendPoll(order.port, token)));
    return;
  }
  if (order.kind === "arrivals") return;
  const tokens = order.kind === "mqtt" ? order.tokens : Array.from({ length: order.count }, () => undefined);
  let next = 0;
  const lane = async () => {
    for (let at = next++; at < tokens.length; at = next++) await openMqtt(order.port, `c${at}`, tokens[at]);
  };
  await Promise.all(Array.from({ length: openingAtOnce }, lane));
}

process.on("message", (order: LoadOrder) => {
  void follow(order).then(() =>
    process.send?.({ ...arrivals, open, failed, surplus, wrong, faults: [...faults] } satisfies LoadAnswer),
  );
});
