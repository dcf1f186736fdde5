import type { DeviceRef, Hints } from "../../usecases/ports.ts";
import { shardKeys, shardOf } from "./keys.ts";
import type { StoreMeta } from "./meta.ts";
import type { RedisConnection } from "./scripts.ts";
import { refOfMember } from "./store-context.ts";

type Listener = (ref: DeviceRef) => void;

/** What hints work with; `subscriber` is a connection of their own, one per process. */
export type HintsOptions = { readonly subscriber: RedisConnection; readonly meta: StoreMeta };

/**
 * Hints that a value may wait for a device, by shard. They may be lost: whoever listens compares now and then.
 * A subscription that breaks is taken up again by the client.
 */
export function makeHints({ subscriber, meta }: HintsOptions): Hints {
  const listeners = new Map<string, Set<Listener>>();
  const joined = new Map<string, Promise<unknown>>();
  const hear = (channel: string, message: string) => {
    const ref = refOfMember(message);
    for (const listener of listeners.get(channel) ?? []) listener(ref);
  };
  subscriber.on("message", hear);
  subscriber.on("smessage", hear);

  const join = (channel: string): Promise<unknown> =>
    meta.hasShardedChannels ? subscriber.ssubscribe(channel) : subscriber.subscribe(channel);
  const leave = (channel: string): Promise<unknown> =>
    meta.hasShardedChannels ? subscriber.sunsubscribe(channel) : subscriber.unsubscribe(channel);

  return {
    shardOf: ({ productId, identity }) => shardOf(productId, identity, meta.shardCount),
    subscribe: async (shard, listener) => {
      const channel = shardKeys(shard).hints;
      const known = listeners.get(channel) ?? new Set<Listener>();
      listeners.set(channel, known);
      known.add(listener);
      if (known.size === 1) joined.set(channel, join(channel));
      await joined.get(channel);
      return () => {
        known.delete(listener);
        if (known.size > 0 || listeners.get(channel) !== known) return;
        listeners.delete(channel);
        // A process that is ending has no connection to leave by.
        leave(channel).catch(() => undefined);
      };
    },
  };
}
