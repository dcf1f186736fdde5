import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import { makeConfigStore } from "./adapters/redis/config-store.ts";
import { makeTimerStore } from "./adapters/redis/timers-store.ts";
import type { App, Helpers } from "./app.ts";
import type { Stores } from "./compose-stores.ts";
import { makeConfig } from "./platform/config-service.ts";
import { makeContent } from "./platform/content.ts";
import { makeDevice2 } from "./platform/device2.ts";
import { makeFireTimers } from "./platform/fire-timers.ts";
import { makeKeystore } from "./platform/keystore.ts";
import { type CallOrigin, makePlatform, type Platform, productOf } from "./platform/platform.ts";
import { makeTimer } from "./platform/timer.ts";
import type { Solution } from "./runtime/load.ts";
import type { Manifest } from "./runtime/manifest.ts";
import { knownServices } from "./services.ts";

export type ComposePlatformDeps = {
  readonly app: Pick<App, "content" | "deviceState" | "devices" | "emit" | "products">;
  readonly stores: Pick<Stores, "clock" | "content" | "devices" | "keystore" | "products" | "redis">;
  readonly solution: Pick<Solution, "configs" | "handlers">;
  readonly manifest: Pick<Manifest, "info">;
  readonly defaultProduct: string;
  /** A signed link to an item's bytes. */
  readonly link: (productId: string, id: string, expiresInMs: number) => string;
  readonly log: Logger;
};

/** Makes what a handler gets, for one call. */
export type HelpersFor = (context: Helpers["context"], origin: CallOrigin) => Helpers;

/** Adds the Murano services to what one call gets, bound to the product that the call is about. */
export type WithPlatform = <Own extends { readonly context: { readonly handler: string } }>(
  origin: CallOrigin,
  own: Own,
) => Own & Platform;

/** The services that scripts may call, on the use cases and stores of this process. */
export function composePlatform(deps: ComposePlatformDeps): WithPlatform {
  const { app, stores, solution, manifest, defaultProduct, log } = deps;
  const { redis, clock } = stores;
  const requireProduct = app.products.require;
  const bind = makePlatform({
    device2: makeDevice2({
      devices: stores.devices,
      state: app.deviceState,
      manage: app.devices,
      requireProduct,
      log,
    }),
    content: makeContent({
      content: app.content,
      list: stores.content.list,
      requireProduct,
      link: deps.link,
      log,
    }),
    keystore: makeKeystore({ store: stores.keystore, log }),
    timer: makeTimer({ timers: makeTimerStore({ redis, clock }), newId: randomUUID, log }),
    config: makeConfig({
      configs: solution.configs,
      services: knownServices,
      handlers: solution.handlers,
      overrides: makeConfigStore({ redis, clock }),
      solution: { name: manifest.info.name, version: manifest.info.version ?? "0" },
      productIds: stores.products.ids,
      emit: app.emit,
      log,
    }),
  });
  return (origin, own) =>
    bind(
      {
        productId: productOf(origin, defaultProduct),
        actor: { kind: "script", id: own.context.handler },
      },
      own,
    );
}

/** The worker's duty `timer`, on the worker's own connection. */
export function composeTimers(
  { redis, clock }: Pick<Stores, "clock" | "redis">,
  emit: App["emit"],
  log: Logger,
): ReturnType<typeof makeFireTimers> {
  return makeFireTimers({ timers: makeTimerStore({ redis, clock }), emit, log });
}
