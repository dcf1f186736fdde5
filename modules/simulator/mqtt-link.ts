import { setTimeout as delay } from "node:timers/promises";
import mqtt, { type MqttClient } from "mqtt";
import { type DeviceLink, LinkRefused } from "./device-link.ts";

export type MqttLinkOptions = {
  /** The MQTT listener, `mqtt://host:port`. */
  readonly mqttUrl: string;
  readonly identity: string;
  /** How long `nextWanted` waits. */
  readonly waitMs?: number;
};

const connectMs = 10_000;

/** The MQTT device API: no subscription, values come by themselves. */
export function createMqttLink({ mqttUrl, identity, waitMs = 60_000 }: MqttLinkOptions): DeviceLink {
  let token = "";
  let client: MqttClient | undefined;
  const wanted: string[] = [];
  let wake = (): void => {};

  const connected = async (): Promise<MqttClient> => {
    if (client?.connected) return client;
    client?.end(true);
    client = await open(mqttUrl, token, (topic, payload) => {
      if (!topic.startsWith("$resource/config_otau/")) return;
      wanted.push(payload);
      wake();
    });
    client.on("close", () => wake());
    return client;
  };
  const publish = async (topic: string, payload: string): Promise<void> => {
    await (await connected()).publishAsync(topic, payload, { qos: 1 });
  };

  return {
    activate: () => activate(mqttUrl, identity),
    useToken(given) {
      token = given;
    },
    async nextWanted(signal) {
      await connected();
      if (wanted.length === 0) {
        const woken = new Promise<void>((resolve) => {
          wake = resolve;
        });
        await Promise.race([woken, delay(waitMs, undefined, { signal })]);
      }
      return wanted.shift();
    },
    echo: (value) => publish("$resource/config_otau", value),
    async report(text, stampSeconds) {
      if (stampSeconds === undefined) return publish("$resource/otau_in", text);
      const entry = { timestamp: stampSeconds * 1_000_000, values: { otau_in: text } };
      return publish("$resource.batch", JSON.stringify([entry]));
    },
    async close() {
      client?.end(true);
    },
  };
}

async function activate(mqttUrl: string, identity: string): Promise<string | undefined> {
  let take = (_token: string | undefined): void => {};
  const token = new Promise<string | undefined>((resolve) => {
    take = resolve;
  });
  // Real clients take the first message for the token, whatever its topic.
  const client = await open(mqttUrl, "", (_topic, payload) => take(payload));
  client.on("close", () => take(undefined));
  client.publish(`$provision/${identity}`, "", { qos: 1 });
  const given = await token;
  client.end(true);
  return given;
}

async function open(
  mqttUrl: string,
  password: string,
  onMessage: (topic: string, payload: string) => void,
): Promise<MqttClient> {
  const client = mqtt.connect(mqttUrl, {
    username: "",
    password,
    reconnectPeriod: 0,
    connectTimeout: connectMs,
    protocolVersion: 4,
  });
  client.on("message", (topic, payload) => onMessage(topic, payload.toString()));
  return await new Promise((resolve, reject) => {
    client.once("connect", () => resolve(client));
    client.once("close", () => reject(new Error("the MQTT connection ended")));
    client.once("error", (error) => {
      client.end(true);
      const isRefused = "code" in error && (error.code === 4 || error.code === 5);
      reject(isRefused ? new LinkRefused("the token is refused") : error);
    });
    // Later faults show as the end of the connection.
    client.on("error", () => {});
  });
}
