import type { DeviceCredential } from "./device-access.ts";
import type { DeviceExtras } from "./ports.ts";

/** A credential as a text that events may carry: the token's prefix and, of a lasting connection, its session. */
export const credentialText = ({
  tokenPrefix,
  session,
}: Pick<DeviceCredential, "tokenPrefix" | "session">) =>
  session === undefined ? tokenPrefix : `${tokenPrefix}.${session}`;

/** Whether the device still holds the credential of this text. */
export function holds({ tokenPrefix, session = "" }: DeviceExtras, credential: string): boolean {
  if (tokenPrefix === undefined) return false;
  return credential === tokenPrefix || credential === credentialText({ tokenPrefix, session });
}
