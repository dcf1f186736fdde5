import type { DeviceRef, Hints } from "./ports.ts";

type Listener = () => void;

const keyOf = (ref: DeviceRef) => `${ref.productId}/${ref.identity}`;

/**
 * Who waits for which device in this process. One subscription per shard serves them all, however many wait, and it
 * ends with the last of them.
 */
export function makeWatchers(hints: Hints) {
  const listeners = new Map<string, Set<Listener>>();
  const shards = new Map<number, { waiting: number; readonly subscribed: Promise<() => void> }>();

  function tell(ref: DeviceRef): void {
    for (const listener of listeners.get(keyOf(ref)) ?? []) listener();
  }

  function leave(shard: number): void {
    const entry = shards.get(shard);
    if (entry === undefined) return;
    entry.waiting -= 1;
    if (entry.waiting > 0) return;
    shards.delete(shard);
    void entry.subscribed.then((unsubscribe) => unsubscribe());
  }

  /** Calls the listener at each hint for the device, until the answered function is called. */
  async function watch(ref: DeviceRef, listener: Listener): Promise<() => void> {
    const key = keyOf(ref);
    const shard = hints.shardOf(ref);
    const mine = listeners.get(key) ?? new Set<Listener>();
    listeners.set(key, mine.add(listener));
    const entry = shards.get(shard) ?? { waiting: 0, subscribed: hints.subscribe(shard, tell) };
    entry.waiting += 1;
    shards.set(shard, entry);
    let isWatching = true;
    const stop = () => {
      if (!isWatching) return;
      isWatching = false;
      mine.delete(listener);
      if (mine.size === 0 && listeners.get(key) === mine) listeners.delete(key);
      leave(shard);
    };
    try {
      await entry.subscribed;
      return stop;
    } catch (error) {
      stop();
      shards.delete(shard);
      throw error;
    }
  }

  return { watch };
}
