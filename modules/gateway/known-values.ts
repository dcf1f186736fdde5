import { createHash } from "node:crypto";
import type { DeviceRef } from "../usecases/ports.ts";

/** The resource that a device's own write never changes: its echo is never taken for news. */
export const wantedAlias = "config_otau";

/** What a device knows of one resource, as far as this process has seen. */
export type KnownValue = {
  /** Microseconds: stamp of the value last handed over, or that stood when its last poll began. */
  readonly stampUs: number;
  /** Digest of a value the device wrote itself and has not yet been recognised under its new stamp. */
  readonly ownDigest?: string;
  /** Stamp of a value that was the device's own write. */
  readonly ownStampUs?: number;
};

/**
 * Remembers, for devices that read and poll, up to which value each resource is known. Only a refinement of the whole
 * seconds that HTTP dates have: forgetting an entry costs precision, not values.
 */
export type KnownValues = {
  get(ref: DeviceRef, alias: string): KnownValue | undefined;
  /** The device was handed this stamp, or waits for something newer than it. */
  knows(ref: DeviceRef, alias: string, stampUs: number): void;
  /** The device wrote the value: when it shows up as a new value of the resource, it is no news to it. */
  wrote(ref: DeviceRef, alias: string, value: string): void;
  /** Whether this value is the device's own write; if so it is known from now on. */
  isOwn(ref: DeviceRef, alias: string, value: string, stampUs: number): boolean;
};

export function createKnownValues(maxDevices: number): KnownValues {
  // Maps keep the order of insertion: the first entry is the one longest untouched.
  const devices = new Map<string, Map<string, KnownValue>>();
  const keyOf = (ref: DeviceRef): string => `${ref.productId}/${ref.identity}`;

  const put = (ref: DeviceRef, alias: string, value: KnownValue): void => {
    const key = keyOf(ref);
    const known = devices.get(key) ?? new Map<string, KnownValue>();
    devices.delete(key);
    devices.set(key, known);
    known.set(alias, value);
    if (devices.size <= maxDevices) return;
    for (const oldest of devices.keys()) {
      devices.delete(oldest);
      break;
    }
  };

  const get = (ref: DeviceRef, alias: string): KnownValue | undefined => devices.get(keyOf(ref))?.get(alias);

  return {
    get,
    knows(ref, alias, stampUs) {
      const before = get(ref, alias);
      if (before !== undefined && before.stampUs >= stampUs) return;
      put(ref, alias, { ...before, stampUs });
    },
    wrote(ref, alias, value) {
      put(ref, alias, { stampUs: -1, ...get(ref, alias), ownDigest: digest(value) });
    },
    isOwn(ref, alias, value, stampUs) {
      const before = get(ref, alias);
      if (before?.ownStampUs === stampUs) return true;
      if (before?.ownDigest === undefined || before.ownDigest !== digest(value)) return false;
      put(ref, alias, { stampUs, ownStampUs: stampUs });
      return true;
    },
  };
}

const digest = (value: string): string => createHash("sha256").update(value).digest("base64");
