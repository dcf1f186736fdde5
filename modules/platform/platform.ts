import type { Config } from "./config-service.ts";
import type { Content } from "./content.ts";
import type { Device2 } from "./device2.ts";
import type { Keystore } from "./keystore.ts";
import type { ScriptScope } from "./script-scope.ts";
import type { Timer } from "./timer.ts";

/** The Murano services that every script may call. */
export type Platform = {
  readonly Device2: Device2;
  readonly Content: Content;
  readonly Keystore: Keystore;
  readonly Timer: Timer;
  readonly Config: Config;
};

export type PlatformDeps = {
  readonly device2: (scope: ScriptScope) => Device2;
  readonly content: (scope: ScriptScope) => Content;
  readonly keystore: Keystore;
  readonly timer: (scope: ScriptScope) => Timer;
  readonly config: Config;
};

/**
 * Adds the services to what a handler gets. A service is made when it is first asked for, as most calls ask for
 * none.
 */
export function makePlatform({ device2, content, keystore, timer, config }: PlatformDeps) {
  return <Own extends object>(scope: ScriptScope, own: Own): Own & Platform => {
    let forDevices: Device2 | undefined;
    let forContent: Content | undefined;
    let forTimers: Timer | undefined;
    return {
      ...own,
      Keystore: keystore,
      Config: config,
      get Device2() {
        forDevices ??= device2(scope);
        return forDevices;
      },
      get Content() {
        forContent ??= content(scope);
        return forContent;
      },
      get Timer() {
        forTimers ??= timer(scope);
        return forTimers;
      },
    };
  };
}

/** What is known of a call by which its product can be told. */
export type CallOrigin = {
  /** Parameters of an endpoint's path. */
  readonly params?: Readonly<Record<string, string>>;
  /** Payload of an event. */
  readonly payload?: unknown;
};

/** The product a call is about: that of the path, else that of the event, else the default one. */
export function productOf({ params, payload }: CallOrigin, defaultProductId: string): string {
  if (params !== undefined && Object.hasOwn(params, "productId"))
    return params["productId"] ?? defaultProductId;
  return ownText(payload, "productId") ?? ownText(payload, "solution_id") ?? defaultProductId;
}

function ownText(payload: unknown, name: string): string | undefined {
  if (typeof payload !== "object" || payload === null || !Object.hasOwn(payload, name)) return undefined;
  const value = (payload as Readonly<Record<string, unknown>>)[name];
  return typeof value === "string" ? value : undefined;
}
