import { createHash } from "node:crypto";
import type { IdempotencyStore as RuntimeStore } from "./runtime/idempotency.ts";
import type { IdempotencyStore } from "./usecases/ports.ts";

/** The product a scope belongs to: its answers live in that product's slot. */
function productOf(scope: string): string | undefined {
  const [, , params] = JSON.parse(scope) as [unknown, unknown, readonly (readonly [string, unknown])[]];
  const found = params.find(([name]) => name === "productId")?.[1];
  return typeof found === "string" ? found : undefined;
}

/** Name of a record: keys are the callers' own text, so they become a digest. */
export function idempotencyRecord(scope: string, key: string): string {
  return createHash("sha256").update(`${scope}\n${key}`).digest("hex");
}

/** Keeps the runtime's answers in the store. */
export function makeRuntimeIdempotency(store: IdempotencyStore, newId: () => string): RuntimeStore {
  return {
    begin: async (scope, key, digest) => {
      const began = await store.begin(productOf(scope), idempotencyRecord(scope, key), digest, newId());
      if (began.outcome === "run") return { kind: "run", lease: digest };
      if (began.outcome === "replay") return { kind: "replay", reply: JSON.parse(began.reply) };
      return { kind: began.outcome === "reused" ? "reused" : "in-progress" };
    },
    finish: (scope, key, digest, reply) =>
      store.finish(productOf(scope), idempotencyRecord(scope, key), digest, JSON.stringify(reply)),
    abandon: (scope, key) => store.abandon(productOf(scope), idempotencyRecord(scope, key)),
  };
}
