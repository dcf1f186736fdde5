import { OtauError } from "../errors.ts";
import type { DeviceActions } from "./act-on-device.ts";
import type { DeviceAccess } from "./device-access.ts";
import { credentialText } from "./device-credential.ts";
import type { LoadedDevice } from "./ports.ts";

export type DeviceSessionsDeps = {
  readonly act: DeviceActions["act"];
  /** Some characters that no other connection of the device has. */
  readonly newSession: () => string;
  readonly log: { warn(fields: object, message: string): void };
};

/** What is answered under a credential that has ended. */
export const credentialEnded = () =>
  new OtauError("UNAUTHORIZED", "The device token is not valid (any more); activate the device again.");

/** A device's lasting connections, of which the newest counts. */
export function makeDeviceSessions(
  deps: DeviceSessionsDeps,
): Pick<DeviceAccess, "openSession" | "closeSession"> {
  return {
    // One commit: what an older connection has decided but not stored yet is stale from here on.
    async openSession(credential) {
      const session = deps.newSession();
      const acted = await deps.act(credential.ref, () => [], {
        actor: { kind: "device", id: credential.ref.identity },
        credential: credentialText(credential),
        seen: true,
        extras: () => ({ session }),
        tells: "device.connected",
      });
      if (acted === undefined) throw credentialEnded();
      return { ...credential, session };
    },

    closeSession({ ref, session = "" }) {
      // Of a connection that a newer one has replaced nobody needs to hear: the device is there.
      const isOwn = ({ extras }: LoadedDevice) => extras.session === session;
      deps
        .act(ref, () => [], {
          actor: { kind: "device", id: ref.identity },
          extras: (loaded) => (isOwn(loaded) ? { session: null } : undefined),
          tells: (loaded) => (isOwn(loaded) ? "device.disconnected" : undefined),
        })
        .catch((error: unknown) =>
          deps.log.warn({ err: error, identity: ref.identity }, "the end of a connection was not noted"),
        );
    },
  };
}
