import mqtt, { type MqttClient } from "mqtt";
import {
  createDeviceMqttServer,
  type DeviceMqttLimits,
  type DeviceMqttServer,
} from "../../../modules/gateway/mqtt/device-mqtt-server.ts";
import { makeLogger } from "../../../modules/logger.ts";
import { createFakeAccess, type FakeAccess } from "../support/fake-access.ts";

export const token = "0123456789abcdef0123456789abcdef01234567";
export const otherToken = "89abcdef0123456789abcdef0123456789abcdef";

export type Listener = {
  readonly access: FakeAccess;
  readonly server: DeviceMqttServer;
  readonly port: number;
  readonly logLines: string[];
  /** Opens a client as real ones do: no user name, the token as password, no subscription. */
  connect(options?: mqtt.IClientOptions): Promise<TestClient>;
};

export type TestClient = MqttClient & { readonly messages: [topic: string, payload: string][] };

/** A listener with two devices, `gw-1` and `gw-2`, that have tokens; with `shared` a second one beside it. */
export async function openListener(
  limits: Partial<DeviceMqttLimits> = {},
  shared?: FakeAccess,
): Promise<Listener> {
  const access = shared ?? createFakeAccess();
  if (shared === undefined) {
    access.addDevice("gw-1", token);
    access.addDevice("gw-2", otherToken);
  }
  const logLines: string[] = [];
  const server = await createDeviceMqttServer({
    access,
    log: makeLogger({ level: "info", target: { write: (line) => logLines.push(line) } }),
    defaultProduct: "default",
    now: () => 1_800_000_000_000,
    limits,
  });
  const { port } = await server.listen(0, "127.0.0.1");
  const connect: Listener["connect"] = async (options = {}) => {
    const messages: TestClient["messages"] = [];
    const client = mqtt.connect(`mqtt://127.0.0.1:${port}`, {
      username: "",
      password: token,
      reconnectPeriod: 0,
      protocolVersion: 4,
      ...options,
    });
    client.on("message", (topic, payload) => messages.push([topic, payload.toString()]));
    await new Promise<void>((resolve, reject) => {
      client.once("connect", () => resolve());
      client.once("error", reject);
    });
    return Object.assign(client, { messages });
  };
  return { access, server, port, logLines, connect };
}

/** Waits until a client has this many messages. */
export async function untilMessages(client: TestClient, count: number): Promise<void> {
  while (client.messages.length < count)
    await new Promise<void>((resolve) => client.once("message", () => resolve()));
}

/** Resolves when the connection is over. */
export const closed = (client: MqttClient): Promise<void> =>
  new Promise((resolve) => client.once("close", () => resolve()));
