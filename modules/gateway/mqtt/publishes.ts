import type { Client, PublishPacket } from "aedes";
import { OtauError } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import type { DeviceAccess, DeviceEntry } from "../../usecases/device-access.ts";
import type { DeviceOrder } from "../device-order.ts";
import { checkedEntries } from "../written-values.ts";
import { readBatch } from "./batch.ts";
import type { Peer } from "./peers.ts";
import { readPublishTopic } from "./topics.ts";

export type PublishDeps = {
  readonly access: DeviceAccess;
  readonly order: DeviceOrder;
  readonly log: Logger;
};

/**
 * Takes what a connection publishes. Resolves when it is stored, and only then is it acknowledged; MQTT 3.1.1 knows no
 * refusal, so whatever cannot be stored rejects, and the connection ends without an acknowledgement.
 */
export function makePublishes(
  deps: PublishDeps,
): (client: Client, peer: Peer, packet: PublishPacket) => Promise<void> {
  return async (client, peer, packet) => {
    if (packet.qos === 2) throw new Error("QoS 2 is not supported");
    const topic = readPublishTopic(packet.topic);
    if (peer.kind === "anonymous") {
      if (topic.kind !== "provision") throw new Error("without a token only $provision/<identity> is open");
      await provision(deps, client, peer, topic.identity);
      return;
    }
    const { credential, origin } = peer.session;
    const entries = checkedEntries(entriesOf(topic.kind, packet));
    if (entries.length === 0) {
      deps.access.touch(credential.ref);
      return;
    }
    await deps.order.run(credential.ref, () => deps.access.write(credential, entries, origin));
  };
}

function entriesOf(kind: ReturnType<typeof readPublishTopic>["kind"], packet: PublishPacket): DeviceEntry[] {
  const text = packet.payload.toString();
  switch (kind) {
    case "resource":
      return [{ values: Object.fromEntries([[packet.topic.slice("$resource/".length), text]]) }];
    case "batch":
      return readBatch(text);
    case "provision":
    case "foreign":
      throw new Error(`${packet.topic.slice(0, 100)} is none of the device's topics`);
  }
}

/** Hands out the token on a topic nobody had to subscribe to, before the request is acknowledged. */
async function provision(
  { access, log }: PublishDeps,
  client: Client,
  peer: Extract<Peer, { kind: "anonymous" }>,
  identity: string,
): Promise<void> {
  const { productId, origin } = peer;
  const answer = await access.activate({ productId, identity }, origin);
  if (answer.outcome !== "activated") {
    log.info({ productId, outcome: answer.outcome, ip: origin.ip }, "MQTT activation refused");
    throw new OtauError("FORBIDDEN", `The identity is not activated: ${answer.outcome}.`);
  }
  await new Promise<void>((resolve) => {
    client.publish(
      {
        cmd: "publish",
        topic: `$provision/${identity}`,
        payload: answer.token,
        qos: 0,
        retain: false,
        dup: false,
      },
      () => resolve(),
    );
  });
}
