import mqtt, { type IClientOptions, type MqttClient } from "mqtt";
import type { TestApp } from "../support/app.ts";

export const product = "/products/default";

/** A device's MQTT connection, with everything it was ever sent. */
export type DeviceConnection = {
  readonly client: MqttClient;
  /** In the order of arrival. */
  readonly messages: { readonly topic: string; readonly text: string }[];
  /** Resolves once this many messages have come. */
  readonly until: (count: number) => Promise<void>;
  /** Resolves when the connection is over, whoever ended it. */
  readonly closed: Promise<void>;
  /** Ends it as a lost network would. */
  readonly drop: () => Promise<void>;
};

export type ConnectOptions = Partial<IClientOptions> & {
  /** The device takes values and never acknowledges one. */
  readonly isDeaf?: boolean;
};

/** Opens a connection as Murano's own clients do: no user name, the token as password, no SUBSCRIBE. */
export async function connectDevice(
  url: string,
  token: string,
  { isDeaf = false, ...options }: ConnectOptions = {},
): Promise<DeviceConnection> {
  const client = mqtt.connect(url, {
    username: "",
    password: token,
    reconnectPeriod: 0,
    protocolVersion: 4,
    ...options,
  });
  const messages: DeviceConnection["messages"] = [];
  client.on("message", (topic, payload) => messages.push({ topic, text: payload.toString() }));
  if (isDeaf) {
    // The library acknowledges when its handler calls back, and this one never does.
    client.handleMessage = ({ topic, payload }) =>
      void messages.push({ topic: String(topic), text: String(payload) });
    client.removeAllListeners("message");
  }
  client.on("error", () => undefined);
  const closed = new Promise<void>((resolve) => client.once("close", () => resolve()));
  await new Promise<void>((resolve, reject) => {
    client.once("connect", () => resolve());
    client.once("error", reject);
    client.once("close", () => reject(new Error("the connection ended before its CONNACK")));
  });
  return {
    client,
    messages,
    closed,
    until: async (count) => {
      while (messages.length < count)
        await new Promise<void>((resolve) => client.once("packetreceive", () => setImmediate(resolve)));
    },
    drop: async () => {
      client.stream.destroy();
      await closed;
    },
  };
}

/** Registers a device and answers its token. */
export async function addDevice(app: TestApp, identity: string): Promise<string> {
  const tokens = await addDevices(app, [identity]);
  return tokens[identity] ?? "";
}

/** Registers devices and answers their tokens by identity. */
export async function addDevices(
  app: TestApp,
  identities: readonly string[],
): Promise<Readonly<Record<string, string>>> {
  const reply = await app.call<{ tokens: Record<string, string> }>(
    "POST",
    `${product}/devices?tokens=true`,
    identities.map((identity) => ({ identity })),
  );
  if (reply.status !== 200) throw new Error(`devices were refused: ${JSON.stringify(reply.body)}`);
  return reply.body.tokens;
}

/** A `config_otau` that names whom it is for. */
export const configFor = (identity: string, version = "1.0.1"): string =>
  JSON.stringify({ version, name: `for ${identity}`, type: "JSON", payload: { of: identity } });

/** Sets resources of a device, as an app or a script does. */
export async function setState(
  app: TestApp,
  identity: string,
  values: Readonly<Record<string, unknown>>,
): Promise<void> {
  const path = `${product}/devices/${encodeURIComponent(identity)}/state`;
  const reply = await app.call("PATCH", path, values);
  if (reply.status >= 300)
    throw new Error(`${path} was answered ${reply.status}: ${JSON.stringify(reply.body)}`);
}

/** Sets `config_otau` of a device. */
export const setConfig = (app: TestApp, identity: string, version = "1.0.1"): Promise<void> =>
  setState(app, identity, { config_otau: configFor(identity, version) });

export type HistoryLine = {
  readonly kind: string;
  readonly status?: string;
  readonly message?: string;
  readonly decision?: string;
  readonly count?: number;
};

/** What the device reported, oldest first. */
export async function reportsOf(app: TestApp, identity: string): Promise<HistoryLine[]> {
  const path = `${product}/devices/${encodeURIComponent(identity)}/history?limit=500`;
  const reply = await app.call<{ items: HistoryLine[] }>("GET", path);
  return reply.body.items.filter(({ kind }) => kind === "report");
}

/** A report as a device writes it. */
export const reportText = (status: string, message?: string, version = "1.0.1"): string =>
  JSON.stringify({ version, status, ...(message === undefined ? {} : { message }) });
