import type { DeviceRef } from "../usecases/ports.ts";

/** Runs what concerns one device one after the other, in the order given; devices do not wait for each other. */
export type DeviceOrder = {
  run<Result>(ref: DeviceRef, act: () => Promise<Result>): Promise<Result>;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
};

export function createDeviceOrder(): DeviceOrder {
  const tails = new Map<string, Promise<unknown>>();
  return {
    run(ref, act) {
      const key = `${ref.productId}/${ref.identity}`;
      const before = tails.get(key);
      const result = before === undefined ? act() : before.then(act);
      const tail = result.catch(() => {});
      tails.set(key, tail);
      void tail.then(() => {
        if (tails.get(key) === tail) tails.delete(key);
      });
      return result;
    },
    async idle() {
      while (tails.size > 0) await Promise.all(tails.values());
    },
  };
}
