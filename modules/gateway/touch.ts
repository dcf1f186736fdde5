import type { DeviceAccess } from "../usecases/device-access.ts";
import type { DeviceRef } from "../usecases/ports.ts";

// A device counts as online for 60 s after it was heard from.
const touchEveryMs = 25_000;

/** Tells, for a device that stays connected and says nothing, that it is there: not more often than needed. */
export function makeTouch(
  access: Pick<DeviceAccess, "touch">,
  ref: DeviceRef,
  now: () => number,
): () => void {
  let touchedAt = now();
  return () => {
    if (now() - touchedAt < touchEveryMs) return;
    touchedAt = now();
    access.touch(ref);
  };
}
