import { OtauError } from "../errors.ts";
import { identitySchema } from "../otau/ids.ts";
import type { DeviceAccess, DeviceCredential } from "./device-access.ts";
import type { AccessRefusal } from "./note-refusals.ts";
import type { DeviceRef } from "./ports.ts";

export type AuditDeviceAccessDeps = {
  readonly refused: (refusal: AccessRefusal) => void;
  /** Of a token that nobody knows. */
  readonly defaultProduct: string;
};

/** The same access, with refused credentials written into the journal. */
export function auditDeviceAccess(access: DeviceAccess, deps: AuditDeviceAccessDeps): DeviceAccess {
  function refuse(ref: DeviceRef, code: AccessRefusal["code"], ip?: string): void {
    const isIdentity = identitySchema.safeParse(ref.identity).success;
    deps.refused({
      productId: ref.productId,
      ...(isIdentity ? { identity: ref.identity } : {}),
      peer: ip ?? `${ref.productId}/${ref.identity}`,
      actor: { kind: "device", id: isIdentity ? ref.identity : (ip ?? "unknown") },
      code,
    });
  }

  async function noting<Value>({ ref }: DeviceCredential, run: () => Promise<Value>): Promise<Value> {
    try {
      return await run();
    } catch (error) {
      if (error instanceof OtauError && error.code === "UNAUTHORIZED") refuse(ref, error.code);
      throw error;
    }
  }

  return {
    ...access,
    activate: async (ref, origin) => {
      const answer = await access.activate(ref, origin);
      if (answer.outcome !== "activated") {
        refuse(ref, answer.outcome === "conflict" ? "FORBIDDEN" : "NOT_FOUND", origin.ip);
      }
      return answer;
    },
    authenticate: async (token, ip) => {
      const credential = await access.authenticate(token);
      const peer = ip ?? "unknown";
      if (credential === undefined) {
        deps.refused({
          productId: deps.defaultProduct,
          peer,
          actor: { kind: "device", id: peer },
          code: "UNAUTHORIZED",
        });
      }
      return credential;
    },
    openSession: (credential) => noting(credential, () => access.openSession(credential)),
    write: (credential, entries, origin) =>
      noting(credential, () => access.write(credential, entries, origin)),
    read: (credential, aliases) => noting(credential, () => access.read(credential, aliases)),
    pending: (credential) => noting(credential, () => access.pending(credential)),
    peek: (credential, aliases) => noting(credential, () => access.peek(credential, aliases)),
    listContent: (credential) => noting(credential, () => access.listContent(credential)),
    findContent: (credential, id) => noting(credential, () => access.findContent(credential, id)),
  };
}
