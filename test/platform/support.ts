import { randomUUID } from "node:crypto";
import { afterAll, beforeAll } from "vitest";
import { makeConfigStore } from "../../modules/adapters/redis/config-store.ts";
import { makeTimerStore } from "../../modules/adapters/redis/timers-store.ts";
import { silentLogger } from "../../modules/logger.ts";
import { makeContent } from "../../modules/platform/content.ts";
import { makeDevice2 } from "../../modules/platform/device2.ts";
import { makeKeystore } from "../../modules/platform/keystore.ts";
import type { ScriptScope } from "../../modules/platform/script-scope.ts";
import type { Result, ServiceError } from "../../modules/platform/service-result.ts";
import { makeTimer } from "../../modules/platform/timer.ts";
import { startApp, type TestApp } from "../support/app.ts";

export const log = silentLogger;
export const scope: ScriptScope = { productId: "default", actor: { kind: "script", id: "a.test" } };

/** The services on the stores of a whole program; every test uses ids of its own. */
export type Bench = ReturnType<typeof servicesOf> & { readonly app: TestApp };

function servicesOf({ app, stores }: Pick<TestApp, "app" | "stores">) {
  const deps = { redis: stores.redis, clock: stores.clock };
  const requireProduct = app.products.require;
  const timers = makeTimerStore(deps);
  return {
    Device2: makeDevice2({
      devices: stores.devices,
      state: app.deviceState,
      manage: app.devices,
      requireProduct,
      log,
    })(scope),
    Content: makeContent({
      content: app.content,
      list: stores.content.list,
      requireProduct,
      link: (productId, id, expiresInMs) => `https://example.test/${productId}/${id}?for=${expiresInMs}`,
      log,
    })(scope),
    Keystore: makeKeystore({ store: stores.keystore, log }),
    Timer: makeTimer({ timers, newId: randomUUID, log })(scope),
    timers,
    overrides: makeConfigStore(deps),
  };
}

/** One program for the file; its worker stays out, so that timers are fired by the test alone. */
export function useServices(): () => Bench {
  let bench: Bench | undefined;
  beforeAll(async () => {
    const app = await startApp({ testClock: true, env: { OTAU_ROLES: "api,gateway" } });
    bench = { app, ...servicesOf(app) };
  });
  afterAll(async () => bench?.app.close());
  return () => {
    if (bench === undefined) throw new Error("the services are there once a test runs");
    return bench;
  };
}

/** The error of a call that must have failed, its JSON text read. */
export function failureOf(result: Result<object>): {
  readonly status: number;
  readonly type: ServiceError["type"];
  readonly said: { readonly message: string; readonly [field: string]: unknown };
} {
  if (typeof result.error !== "string") throw new Error(`no error but ${JSON.stringify(result)}`);
  const { status, type, error } = result as ServiceError;
  return { status, type, said: JSON.parse(error) as { message: string } };
}
