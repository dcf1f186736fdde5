import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, Server as TlsServer } from "node:tls";
import { Aedes, type AuthenticateError, type Client, type ConnectPacket } from "aedes";
import type { Logger } from "../../logger.ts";
import type { DeviceAccess } from "../../usecases/device-access.ts";
import { startBeat } from "../beat.ts";
import { createDeviceOrder } from "../device-order.ts";
import { plainAddress } from "../http/device-request.ts";
import { createKnownValues } from "../known-values.ts";
import { createRounds } from "../rounds.ts";
import { maxValueBytes } from "../written-values.ts";
import { guardPackets, isGrantable } from "./packet-guard.ts";
import { makeLogin, type Peer } from "./peers.ts";
import { makePublishes } from "./publishes.ts";
import { createQuietMemory, quietBus } from "./quiet-bus.ts";

export type DeviceMqttOptions = {
  readonly access: DeviceAccess;
  readonly log: Logger;
  /** Product of devices whose TLS server name names none. */
  readonly defaultProduct: string;
  /** The clock, milliseconds since 1970. */
  readonly now: () => number;
  /** With it the listener speaks TLS. */
  readonly tls?: { readonly cert: string | Buffer; readonly key: string | Buffer };
  readonly limits?: Partial<DeviceMqttLimits>;
};

/** Bounds of the listener. */
export type DeviceMqttLimits = {
  readonly maxConnections: number;
  /** From the connection to its CONNECT. */
  readonly connectTimeoutMs: number;
  /** How long a connection without a token may stay. */
  readonly anonymousMs: number;
  /** How often each connection looks for values and at its credential by itself; hints come at once. */
  readonly recheckMs: number;
  /** Devices whose acknowledged values are remembered. */
  readonly maxKnownDevices: number;
};

const defaultLimits: DeviceMqttLimits = {
  maxConnections: 50_000,
  connectTimeoutMs: 10_000,
  anonymousMs: 60_000,
  recheckMs: 5_000,
  maxKnownDevices: 200_000,
};

/** The listener that devices speak MQTT 3.1.1 to. */
export type DeviceMqttServer = {
  /** Resolves when it listens; port 0 takes any free one. */
  listen(port: number, host: string): Promise<AddressInfo>;
  /** With TLS: the pair for all connections from here on. */
  renewTls(pair: { readonly cert: string | Buffer; readonly key: string | Buffer }): void;
  /** Where it listens; undefined before and after. */
  address(): AddressInfo | undefined;
  /** Takes nothing new, lets what is being stored be stored and acknowledged for up to `graceMs`, then ends. */
  close(graceMs: number): Promise<void>;
};

/** A packet's bytes besides its value: topic, identifier, headers. */
const overheadBytes = 70_000;

/** Makes the MQTT device API. */
export async function createDeviceMqttServer(options: DeviceMqttOptions): Promise<DeviceMqttServer> {
  const { log } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const { broker, peers, order, close } = await makeBroker(options, limits);
  const server = makeServer(options, limits);
  let stopBeat: (() => void) | undefined;
  // A TLS server tells of a connection when its handshake is over.
  server.on(options.tls ? "secureConnection" : "connection", (socket: Socket) => {
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 60_000);
    const client = broker.handle(socket);
    // Who has shown no token is not trusted with memory.
    guardPackets(client, () => overheadBytes + (peers.get(client)?.kind === "device" ? maxValueBytes : 0));
    socket.once("close", () => {
      const peer = peers.get(client);
      if (peer?.kind === "device") peer.session.stop();
    });
  });

  return {
    async listen(port, host) {
      server.listen(port, host);
      await once(server, "listening");
      stopBeat = startBeat(options.access, log);
      return server.address() as AddressInfo;
    },
    renewTls: (pair) => {
      if (server instanceof TlsServer) server.setSecureContext(pair);
    },
    address: () => (server.listening ? (server.address() as AddressInfo) : undefined),
    async close(graceMs) {
      stopBeat?.();
      const closed = server.listening ? once(server, "close") : undefined;
      if (server.listening) server.close();
      await close(Promise.race([order.idle(), elapsed(graceMs)]));
      await closed;
    },
  };
}

async function makeBroker(options: DeviceMqttOptions, limits: DeviceMqttLimits) {
  const { access, log } = options;
  const peers = new WeakMap<Client, Peer>();
  const known = createKnownValues(limits.maxKnownDevices);
  const rounds = createRounds(limits.recheckMs);
  const order = createDeviceOrder();
  const login = makeLogin({ ...options, known, rounds });
  const publish = makePublishes({ access, order, log });
  let isClosing = false;

  const sessionOf = (client: Client) => {
    const peer = peers.get(client);
    return peer?.kind === "device" ? peer.session : undefined;
  };
  const letIn = async (client: Client, userName: string | undefined, password: Buffer | undefined) => {
    const { peer, clientId } = await login(client, userName, password);
    peers.set(client, peer);
    // Its end came before it was let in, and nobody would tell it again.
    if (peer.kind === "device" && (client.conn as Socket).destroyed) peer.session.stop();
    (client as { id: string }).id = clientId;
    if (peer.kind === "anonymous") endLater(client, limits.anonymousMs);
  };

  const broker = await Aedes.createBroker({
    mq: quietBus,
    persistence: createQuietMemory((client, messageId) => sessionOf(client)?.acknowledged(messageId)),
    connectTimeout: limits.connectTimeoutMs,
    // Names are not used, so any will do.
    maxClientsIdLength: 65_535,
    preConnect(client, packet, callback) {
      simplify(packet);
      if (packet.protocolVersion === 5) logVersion5(log, client);
      callback(null, !isClosing);
    },
    authenticate(client, userName, password, callback) {
      letIn(client, userName, password).then(
        () => callback(null, true),
        (error: AuthenticateError) => callback(error, false),
      );
    },
    authorizePublish(client, packet, callback) {
      const peer = client === null ? undefined : peers.get(client);
      if (client === null || peer === undefined || isClosing) return callback(new Error("not taken"));
      packet.retain = false;
      publish(client, peer, packet).then(
        () => callback(),
        (error: Error) => callback(error),
      );
    },
    authorizeSubscribe(_client, subscription, callback) {
      callback(null, isGrantable(subscription.topic) ? subscription : null);
    },
    authorizeForward(client, packet) {
      const session = sessionOf(client);
      if (session !== undefined && packet.qos > 0) packet.messageId = session.register(packet.topic);
      return packet;
    },
  });
  broker.on("clientReady", (client) => sessionOf(client)?.start());
  broker.on("clientError", (client, error) =>
    log.debug({ err: error, clientId: client.id }, "MQTT connection ended"),
  );

  const close = async (settled: Promise<unknown>): Promise<void> => {
    isClosing = true;
    rounds.close();
    await settled;
    // What was stored last is acknowledged first.
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise<void>((resolve) => broker.close(() => resolve()));
  };
  return { broker, peers, order, close };
}

function makeServer(options: DeviceMqttOptions, limits: DeviceMqttLimits): Server {
  const server = options.tls
    ? createTlsServer({ ...options.tls, handshakeTimeout: limits.connectTimeoutMs })
    : createServer();
  server.maxConnections = limits.maxConnections;
  return server;
}

// Wills have no effect here, and a session is always resumed by what the store says.
function simplify(packet: ConnectPacket): void {
  delete packet.will;
  packet.clean = true;
}

function logVersion5(log: Logger, client: Client): void {
  const ip = plainAddress((client.conn as Socket).remoteAddress);
  log.warn({ ip }, "MQTT 5 client refused: the device API speaks MQTT 3.1.1");
}

function endLater(client: Client, afterMs: number): void {
  const timer = setTimeout(() => client.close(), afterMs);
  timer.unref();
  client.conn.once("close", () => clearTimeout(timer));
}

const elapsed = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
