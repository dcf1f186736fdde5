import type { EventEmitter } from "node:events";
import type { Client, SubscribePacket, UnsubscribePacket } from "aedes";
import { isOwnFilter } from "./topics.ts";

/** The library's parser, of which it says nothing: what is used of it is checked when a connection opens. */
type PacketParser = EventEmitter & {
  parse(bytes: Buffer): number;
  /** The packet being read; `length` is known before its bytes are. */
  readonly packet: { readonly length: number };
};

/** A packet as the parser tells it; `length` counts what follows its fixed header. */
type Packet =
  | SubscribePacket
  | UnsubscribePacket
  | { readonly cmd: "connect" | "publish" | "pingreq" | "disconnect"; readonly length?: number };

/** Names under which subscriptions reach the broker library. */
const ownPrefix = "own/";
const refusedPrefix = "refused/";

/**
 * Stands between a connection and the broker library, for what the library leaves open: ends a connection as soon as
 * a packet announces more than `maxBytes()`, before its bytes are collected, and sees to it that every SUBSCRIBE is
 * answered with one code for each filter, broken and repeated filters included, and none ends the connection.
 */
export function guardPackets(client: Client, maxBytes: () => number): void {
  const parser = parserOf(client);
  const parse = parser.parse.bind(parser);
  parser.parse = (bytes) => {
    const left = parse(bytes);
    if (parser.packet.length > maxBytes()) client.conn.destroy();
    return left;
  };
  parser.prependListener("packet", (packet: Packet) => {
    if ((packet.length ?? 0) > maxBytes()) client.conn.destroy();
    else renameFilters(packet);
  });
}

/** Whether the library may grant a subscription that `guardPackets` has renamed. */
export const isGrantable = (name: string): boolean => name.startsWith(ownPrefix);

function renameFilters(packet: Packet): void {
  if (packet.cmd === "subscribe") {
    packet.subscriptions.forEach((subscription, index) => {
      // Answered as it stands here, whatever is granted.
      if (subscription.qos === 2) subscription.qos = 1;
      subscription.topic = `${isOwnFilter(subscription.topic) ? ownPrefix : refusedPrefix}${index}`;
    });
  } else if (packet.cmd === "unsubscribe") {
    packet.unsubscriptions = packet.unsubscriptions.map((_, index) => `${refusedPrefix}${index}`);
  }
}

function parserOf(client: Client): PacketParser {
  const { _parser: parser } = client as unknown as { readonly _parser?: PacketParser };
  if (typeof parser?.parse !== "function" || typeof parser.packet !== "object") {
    throw new Error("the broker library hides its parser; packets would be unbounded");
  }
  return parser;
}
