import { once } from "node:events";
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { Server as TlsServer } from "node:tls";
import type { Logger } from "../../logger.ts";
import { contentLinkRoot, type DeviceAccess } from "../../usecases/device-access.ts";
import { startBeat } from "../beat.ts";
import { createKnownValues } from "../known-values.ts";
import { answerClientFault } from "./client-faults.ts";
import { readTarget } from "./device-request.ts";
import { makeDeviceRoutes } from "./device-routes.ts";
import { createLongPolls } from "./long-polls.ts";
import { createBodyBudget, readBody } from "./read-body.ts";
import { type DeviceReply, emptyReply, faultReply, sendReply, textReply } from "./replies.ts";
import { createStreamReplies } from "./send-stream.ts";
import { createSocketOrder } from "./socket-order.ts";

export type DeviceHttpOptions = {
  readonly access: DeviceAccess;
  readonly log: Logger;
  /** Product of devices whose host names none. */
  readonly defaultProduct: string;
  /** The clock, milliseconds since 1970. */
  readonly now: () => number;
  /** With it the listener speaks TLS. */
  readonly tls?: { readonly cert: string | Buffer; readonly key: string | Buffer };
  readonly limits?: Partial<DeviceHttpLimits>;
};

/** Bounds of the listener. */
export type DeviceHttpLimits = {
  readonly maxConnections: number;
  /** Bytes of one request's body; a single value is bounded at 1 MiB besides. */
  readonly maxBodyBytes: number;
  /** Bytes of all bodies being read at once. */
  readonly maxHeldBytes: number;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  /** How often a waiting poll looks for itself. */
  readonly recheckMs: number;
  readonly maxPollsPerDevice: number;
  /** Devices whose last handed-over values are remembered to the microsecond. */
  readonly maxKnownDevices: number;
  /** Downloads at once; each holds a file open. */
  readonly maxDownloads: number;
  /** A download that takes no byte for this long is ended. */
  readonly downloadStallMs: number;
};

const defaultLimits: DeviceHttpLimits = {
  maxConnections: 50_000,
  // A value of 1 MiB is three times as long when every byte is escaped.
  maxBodyBytes: 4 * 1_048_576,
  maxHeldBytes: 256 * 1_048_576,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 15_000,
  keepAliveTimeoutMs: 65_000,
  recheckMs: 4_000,
  maxPollsPerDevice: 8,
  maxKnownDevices: 50_000,
  maxDownloads: 2_000,
  downloadStallMs: 60_000,
};

/** The listener that devices speak HTTP to. */
export type DeviceHttpServer = {
  /** Resolves when it listens; port 0 takes any free one. */
  listen(port: number, host: string): Promise<AddressInfo>;
  /** With TLS: the pair for all connections from here on. */
  renewTls(pair: { readonly cert: string | Buffer; readonly key: string | Buffer }): void;
  /** Where it listens; undefined before and after. */
  address(): AddressInfo | undefined;
  /** Ends waiting polls at once, lets the rest finish for up to `graceMs`, then cuts the connections. */
  close(graceMs: number): Promise<void>;
};

/** Makes the HTTP device API on plain `node:http`: small fixed replies, nothing a device did not ask for. */
export function createDeviceHttpServer(options: DeviceHttpOptions): DeviceHttpServer {
  const { access, log } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const server = makeServer(options, limits);
  const known = createKnownValues(limits.maxKnownDevices);
  const longPolls = createLongPolls({
    access,
    known,
    now: options.now,
    recheckMs: limits.recheckMs,
    maxPerDevice: limits.maxPollsPerDevice,
  });
  const answer = makeAnswer({ ...options, known, longPolls }, limits);
  const inOrder = createSocketOrder();
  const sendStream = createStreamReplies({
    log,
    maxAtOnce: limits.maxDownloads,
    stallMs: limits.downloadStallMs,
  });
  let isClosing = false;
  let stopBeat: (() => void) | undefined;

  server.on("request", (request, response) => {
    inOrder(request.socket, async () => {
      if (isClosing) response.shouldKeepAlive = false;
      const reply = isClosing ? closingReply : await answer(request, response);
      if (isClosing) response.shouldKeepAlive = false;
      if (reply?.stream !== undefined)
        await sendStream(request, response, { ...reply, stream: reply.stream });
      else if (reply !== undefined) sendReply(request, response, reply);
    });
  });
  server.on("clientError", answerClientFault);

  return {
    async listen(port, host) {
      server.listen(port, host);
      await once(server, "listening");
      stopBeat = startBeat(access, log);
      return server.address() as AddressInfo;
    },
    renewTls: (pair) => {
      if (server instanceof TlsServer) server.setSecureContext(pair);
    },
    address: () => (server.listening ? (server.address() as AddressInfo) : undefined),
    async close(graceMs) {
      isClosing = true;
      stopBeat?.();
      longPolls.close();
      if (!server.listening) return;
      const closed = once(server, "close");
      server.close();
      server.closeIdleConnections();
      const cut = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(cut);
    },
  };
}

const closingReply: DeviceReply = textReply(503, "Going down; try again.\n", ["Retry-After", "1"]);

function makeServer(options: DeviceHttpOptions, limits: DeviceHttpLimits): http.Server {
  const settings: http.ServerOptions = {
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(limits.headersTimeoutMs, 2_000),
    // Old clients are forgiven a missing Host; theirs is the default product.
    requireHostHeader: false,
    noDelay: true,
    // Finds devices that vanished while they wait.
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
  };
  const server = options.tls
    ? https.createServer({ ...settings, ...options.tls, handshakeTimeout: limits.headersTimeoutMs })
    : http.createServer(settings);
  server.maxConnections = limits.maxConnections;
  server.timeout = 0;
  return server;
}

function makeAnswer(
  deps: Parameters<typeof makeDeviceRoutes>[0] & DeviceHttpOptions,
  limits: DeviceHttpLimits,
) {
  const routes = makeDeviceRoutes(deps);
  const budget = createBodyBudget(limits.maxHeldBytes);
  return async (request: IncomingMessage, response: ServerResponse): Promise<DeviceReply | undefined> => {
    const { path, query } = readTarget(request.url);
    const byMethod = routes.get(path.startsWith(contentLinkRoot) ? contentLinkRoot : path);
    if (byMethod === undefined) return textReply(404, "No such path in the device API.\n");
    const route = byMethod.get(request.method ?? "");
    if (route === undefined) return emptyReply(405, ["Allow", [...byMethod.keys()].join(", ")]);
    try {
      const body = () => readBody(request, limits.maxBodyBytes, budget);
      return await route({ request, path, query, body, hangUp: () => hangUpSignal(response) });
    } catch (error) {
      return faultReply(error, deps.log);
    }
  };
}

// Made only for those who wait: an abort of its own for each request would cost more than the request.
function hangUpSignal(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once("close", () => controller.abort("hung up"));
  return controller.signal;
}
