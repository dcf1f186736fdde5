import type { DeviceExtras, DeviceRef, LoadedDevice, ResourceState } from "../usecases/ports.ts";

/** A device counts as online for this long after it was heard from. */
const onlineMs = 60_000;

/** Resources by name (Murano getIdentityState); those never written are absent. */
export type IdentityState = { readonly [resource: string]: ResourceState };

/** A tag of a device as Murano lists it. */
export type IdentityTag = { readonly name: string; readonly value: string };

/** A device as Device2 shows it. */
export type Identity = {
  readonly identity: string;
  readonly auth: { readonly type: "token" };
  readonly state: IdentityState;
  readonly locked: false;
  /** It may activate (again). */
  readonly reprovision: boolean;
  readonly devmode: false;
  /** Microseconds; absent = never. */
  readonly lastseen?: number;
  readonly status: "provisioned" | "unprovisioned";
  readonly online: boolean;
  readonly tags: readonly IdentityTag[];
};

/** Tags as a list, by name. */
export function listTags(tags: Readonly<Record<string, string>>): readonly IdentityTag[] {
  return Object.entries(tags)
    .map(([name, value]) => ({ name, value }))
    .sort((left, right) => (left.name < right.name ? -1 : 1));
}

/** A device with its state in Murano's shape. `now` is the store's clock in milliseconds. */
export function toIdentity(
  { device, extras }: Pick<LoadedDevice, "device"> & { readonly extras: DeviceExtras },
  state: IdentityState,
  now: number,
): Identity {
  const { lastSeenAt, activatedAt } = extras;
  return {
    identity: device.identity,
    auth: { type: "token" },
    state,
    locked: false,
    reprovision: activatedAt === undefined,
    devmode: false,
    ...(lastSeenAt === undefined ? {} : { lastseen: lastSeenAt * 1000 }),
    status: activatedAt === undefined ? "unprovisioned" : "provisioned",
    online: lastSeenAt !== undefined && now - lastSeenAt < onlineMs,
    tags: listTags(device.tags),
  };
}

/** Reads the state of many devices, a few at once; one that is gone by then is left out. */
export async function readStates(
  refs: readonly DeviceRef[],
  getState: (ref: DeviceRef) => Promise<IdentityState>,
  isGone: (error: unknown) => boolean,
): Promise<ReadonlyMap<string, IdentityState>> {
  const atOnce = 50;
  const states = new Map<string, IdentityState>();
  for (let at = 0; at < refs.length; at += atOnce) {
    await Promise.all(
      refs.slice(at, at + atOnce).map(async (ref) => {
        try {
          states.set(ref.identity, await getState(ref));
        } catch (error) {
          if (!isGone(error)) throw error;
        }
      }),
    );
  }
  return states;
}
