import { Readable } from "node:stream";
import type { Client } from "aedes";

// The broker library is used as a protocol listener alone: what a device publishes goes to the device access and
// nowhere else. With a bus and a memory that carry nothing, no retained message, will or foreign subscription can
// ever reach another device, whatever filter it finds.

const done = (callback?: () => void): void => callback?.();

/** A message bus on which nothing travels. */
export const quietBus = {
  on: (_topic: string, _listener: unknown, callback?: () => void): void => done(callback),
  removeListener: (_topic: string, _listener: unknown, callback?: () => void): void => done(callback),
  emit: (_packet: unknown, callback?: () => void): void => done(callback),
  close: (callback?: () => void): void => done(callback),
};

/** A session memory that keeps nothing; it tells only which messages the devices acknowledge. */
export function createQuietMemory(onAcknowledged: (client: Client, messageId: number) => void) {
  return {
    async setup(): Promise<void> {},
    subscriptionsByClient: async () => [],
    subscriptionsByTopic: async () => [],
    addSubscriptions: async () => {},
    removeSubscriptions: async () => {},
    cleanSubscriptions: async () => {},
    storeRetained: async () => {},
    createRetainedStreamCombi: () => Readable.from([]),
    outgoingStream: () => Readable.from([]),
    outgoingEnqueue: async () => {},
    outgoingEnqueueCombi: async () => {},
    outgoingUpdate: async () => {},
    async outgoingClearMessageId(client: Client, packet: { readonly messageId?: number }) {
      if (packet.messageId !== undefined) onAcknowledged(client, packet.messageId);
      return packet;
    },
    incomingGetPacket: async () => {
      throw new Error("nothing is kept");
    },
    incomingStorePacket: async () => {},
    incomingDelPacket: async () => {},
    cleanIncoming: async () => {},
    putWill: async () => {},
    delWill: async () => {},
    streamWill: () => Readable.from([]),
  };
}
