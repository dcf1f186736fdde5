import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import type { Client } from "aedes";
import { OtauError } from "../../errors.ts";
import type { DeviceAccess, Origin } from "../../usecases/device-access.ts";
import { plainAddress } from "../http/device-request.ts";
import { createSession, type Session, type SessionDeps } from "./session.ts";

/** Who stands at the other end of a connection that was let in. */
export type Peer =
  | { readonly kind: "device"; readonly session: Session }
  /** May activate an identity, and nothing else. */
  | { readonly kind: "anonymous"; readonly productId: string; readonly origin: Origin };

/** A refused login: its CONNACK return code. */
export type LoginRefusal = Error & { readonly returnCode: number };

const badLogin = 4;
const unavailable = 3;

/**
 * Lets a connection in by its password alone, whatever user name and client identifier say; with neither user name
 * nor password it is anonymous. Rejects with a `LoginRefusal`.
 */
export function makeLogin(deps: SessionDeps & { readonly defaultProduct: string }) {
  return async (
    client: Client,
    userName: string | undefined,
    password: Buffer | undefined,
  ): Promise<{ readonly peer: Peer; readonly clientId: string }> => {
    const token = password?.toString() ?? "";
    const connectionId = randomUUID();
    const origin: Origin = { ip: addressOf(client), protocol: "mqtt", connectionId };
    if (token === "") {
      if (userName !== undefined && userName !== "") throw refusal(badLogin, "no token");
      const productId = await productOf(client, deps);
      return { peer: { kind: "anonymous", productId, origin }, clientId: `anonymous/${connectionId}` };
    }
    const credential = token.length > 256 ? undefined : await validCredential(deps.access, token, origin);
    if (credential === undefined) throw refusal(badLogin, "bad user name or password");
    const { productId, identity } = credential.ref;
    const session = createSession(deps, client, credential, origin);
    // One session per device: the library ends an older connection of the same client identifier.
    return { peer: { kind: "device", session }, clientId: `device/${productId}/${identity}` };
  };
}

async function validCredential(access: DeviceAccess, token: string, { ip }: Origin) {
  try {
    const credential = await access.authenticate(token, ip);
    // A token is known for ever; whether it is still valid shows at the device.
    if (credential === undefined) return undefined;
    return await access.openSession(credential);
  } catch (error) {
    if (error instanceof OtauError && error.code === "UNAUTHORIZED") return undefined;
    throw refusal(unavailable, "server unavailable", error);
  }
}

async function productOf(
  client: Client,
  { access, defaultProduct }: { readonly access: DeviceAccess; readonly defaultProduct: string },
): Promise<string> {
  const { servername } = client.conn as Socket & { readonly servername?: string | false };
  const label = typeof servername === "string" ? servername.split(".")[0] : undefined;
  if (label === undefined || !/^[A-Za-z0-9_-]{1,64}$/.test(label)) return defaultProduct;
  try {
    return (await access.productExists(label)) ? label : defaultProduct;
  } catch (error) {
    throw refusal(unavailable, "server unavailable", error);
  }
}

const addressOf = (client: Client): string => plainAddress((client.conn as Socket).remoteAddress);

const refusal = (returnCode: number, message: string, cause?: unknown): LoginRefusal =>
  Object.assign(new Error(message, { cause }), { returnCode });
