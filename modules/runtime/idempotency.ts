import { createHash } from "node:crypto";

/** A kept answer, as it was first sent. Only 2xx answers are kept, for 24 hours. */
export type KeptReply = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

/** What a key stands at when a request with it arrives. */
export type IdempotencyState =
  | { readonly kind: "run"; readonly lease: string }
  | { readonly kind: "replay"; readonly reply: KeptReply }
  | { readonly kind: "in-progress" }
  | { readonly kind: "reused" };

/** Where keys are kept. A lease ends by itself, so that a crash does not block its key for ever. */
export type IdempotencyStore = {
  /** Takes the key for this request, or says why it cannot run. One atomic step. */
  readonly begin: (scope: string, key: string, digest: string) => Promise<IdempotencyState>;
  /** Keeps the answer, if the lease still holds. */
  readonly finish: (scope: string, key: string, lease: string, reply: KeptReply) => Promise<void>;
  /** Frees the key after a refusal or a failure, if the lease still holds. */
  readonly abandon: (scope: string, key: string, lease: string) => Promise<void>;
};

/** The fingerprint that tells a repeated request from another one: SHA-256 of query and body, hex. */
export const requestDigest = (url: string, body: Uint8Array): string => {
  const at = url.indexOf("?");
  return createHash("sha256")
    .update(at === -1 ? "" : url.slice(at + 1))
    .update("\n")
    .update(body)
    .digest("hex");
};

/** One token, one operation, one concrete path: within it a key means one request. */
export const idempotencyScope = (
  principalId: string | undefined,
  operationId: string,
  params: Readonly<Record<string, unknown>>,
): string =>
  JSON.stringify([
    principalId ?? null,
    operationId,
    Object.entries(params).sort(([a], [b]) => (a < b ? -1 : 1)),
  ]);
