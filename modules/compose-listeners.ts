import { createSecureContext } from "node:tls";
import type { Logger } from "pino";
import type { App } from "./app.ts";
import type { HelpersFor } from "./compose-platform.ts";
import type { Stores } from "./compose-stores.ts";
import type { Config, TlsMaterial } from "./config.ts";
import type { OtauError } from "./errors.ts";
import {
  createDeviceHttpServer,
  type DeviceHttpOptions,
  type DeviceHttpServer,
} from "./gateway/http/device-http-server.ts";
import { createDeviceMqttServer, type DeviceMqttServer } from "./gateway/mqtt/device-mqtt-server.ts";
import { makeRuntimeIdempotency } from "./idempotency-bridge.ts";
import { makeLoginThrottle } from "./login-throttle.ts";
import { isLoopbackHost } from "./loopback.ts";
import { renewTls } from "./renew-tls.ts";
import { roleAllows } from "./roles.ts";
import { serveAssets } from "./runtime/assets.ts";
import { createHttpApp } from "./runtime/http.ts";
import { listen } from "./runtime/listen.ts";
import type { Solution } from "./runtime/load.ts";
import type { Manifest } from "./runtime/manifest.ts";
import { type ListenerSetting, listenError, StartupError } from "./startup-error.ts";
import type { DeviceAccess } from "./usecases/device-access.ts";
import { type AccessRefusal, accessRefusalOf } from "./usecases/note-refusals.ts";

const graceMs = 5000;

export type ListenersDeps = {
  readonly config: Config;
  readonly app: App;
  readonly access: DeviceAccess;
  /** Told of each refused access. */
  readonly refused: (refusal: AccessRefusal) => void;
  readonly stores: Stores;
  readonly solution: Solution;
  readonly manifest: Manifest;
  readonly root: string;
  readonly helpersFor: HelpersFor;
  readonly translateError: (error: unknown) => OtauError | undefined;
  readonly newId: () => string;
  readonly log: Logger;
};

type Open = {
  readonly name: string;
  readonly url: string;
  readonly renewTls?: DeviceHttpServer["renewTls"];
  readonly close: () => Promise<void>;
};

/** Opens the listeners of this process's roles; what opened is closed again when a later one cannot. */
export async function openListeners(deps: ListenersDeps) {
  const { roles } = deps.config;
  const open: Open[] = [];
  let stopRenewing: (() => void) | undefined;
  const close = async () => {
    stopRenewing?.();
    await Promise.all(open.map((each) => each.close()));
  };
  try {
    if (roles.includes("api")) open.push(await openApi(deps));
    for (const listener of roles.includes("gateway") ? deviceListeners(deps.config) : []) {
      open.push(await openDevice(deps, listener));
    }
  } catch (error) {
    await close();
    throw error;
  }
  const { deviceTls: tls } = deps.config;
  const renewing = open.flatMap(({ renewTls: renew }) => (renew === undefined ? [] : [renew]));
  if (tls !== undefined && renewing.length > 0) {
    const apply = (pair: Parameters<DeviceHttpServer["renewTls"]>[0]) => {
      for (const renew of renewing) renew(pair);
    };
    stopRenewing = renewTls({ tls, apply, log: deps.log });
  }
  const urlOf = (name: string) => open.find((each) => each.name === name)?.url;
  return {
    addresses: { apiUrl: urlOf("api"), deviceUrl: urlOf("device"), mqttUrl: urlOf("mqtt") },
    /** Of the HTTP device API with TLS. */
    devicesUrl: urlOf("devices"),
    describe: () => open.map(({ name, url }) => `${name}=${url}`).join(" "),
    close,
  };
}

async function openApi(deps: ListenersDeps): Promise<Open> {
  const { config, app, stores, solution, manifest, log } = deps;
  const cors = manifest.endpoints.cors;
  const throttle = makeLoginThrottle();
  const http = createHttpApp(
    {
      endpoints: solution.endpoints,
      ...(cors ? { cors } : {}),
      ...(manifest.assets ? { assets: serveAssets(deps.root, manifest.assets) } : {}),
      checkReplies: !config.isProduction,
      onLoopbackOnly: isLoopbackHost(config.host),
    },
    {
      authenticate: (token, { remoteAddress }) =>
        token === undefined ? undefined : throttle(remoteAddress, () => app.tokens.authenticate(token)),
      roleAllows,
      helpersFor: ({ handler, requestId, params }) => deps.helpersFor({ handler, requestId }, { params }),
      idempotency: makeRuntimeIdempotency(stores.idempotency, deps.newId),
      translateError: deps.translateError,
      onRefusal: (request) => {
        const refusal = accessRefusalOf(request, config.defaultProduct);
        if (refusal !== undefined) deps.refused(refusal);
      },
      newRequestId: deps.newId,
      log,
    },
  );
  try {
    const { url, close } = await listen(http, {
      host: config.host,
      port: config.port,
      newRequestId: deps.newId,
    });
    return { name: "api", url, close: () => close(graceMs) };
  } catch (error) {
    throw listenError(error, "PORT", config.port);
  }
}

type DeviceListener = {
  readonly name: "device" | "mqtt" | "devices" | "mqtts";
  readonly scheme: string;
  readonly setting: ListenerSetting;
  readonly port: number;
  readonly isTls: boolean;
  readonly make: (options: DeviceHttpOptions) => DeviceHttpServer | Promise<DeviceMqttServer>;
};

/** Listeners for devices: those without encryption only where that is allowed, those with TLS where it is set up. */
function deviceListeners(config: Config): readonly DeviceListener[] {
  const all: readonly DeviceListener[] = [
    {
      name: "device",
      scheme: "http",
      setting: "DEVICE_HTTP_PORT",
      port: config.deviceHttpPort,
      isTls: false,
      make: createDeviceHttpServer,
    },
    {
      name: "mqtt",
      scheme: "mqtt",
      setting: "MQTT_PORT",
      port: config.mqttPort,
      isTls: false,
      make: createDeviceMqttServer,
    },
    {
      name: "devices",
      scheme: "https",
      setting: "DEVICE_TLS_PORT",
      port: config.deviceTlsPort,
      isTls: true,
      make: createDeviceHttpServer,
    },
    {
      name: "mqtts",
      scheme: "mqtts",
      setting: "MQTTS_PORT",
      port: config.mqttsPort,
      isTls: true,
      make: createDeviceMqttServer,
    },
  ];
  return all.filter(({ isTls }) => (isTls ? config.deviceTls !== undefined : config.opensPlainDevice));
}

function checkTls({ cert, key }: TlsMaterial): void {
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new StartupError(
      `DEVICE_TLS_CERT and DEVICE_TLS_KEY cannot be used (${why}): give a certificate and its own private key, both as PEM`,
      { cause: error },
    );
  }
}

async function openDevice(
  { config, access, stores, log }: ListenersDeps,
  listener: DeviceListener,
): Promise<Open> {
  const tls = listener.isTls ? config.deviceTls : undefined;
  if (tls !== undefined) checkTls(tls);
  const server = await listener.make({
    access,
    log,
    defaultProduct: config.defaultProduct,
    now: stores.clock.roughNow,
    ...(tls ? { tls: { cert: tls.cert, key: tls.key } } : {}),
  });
  try {
    const { port } = await server.listen(listener.port, config.deviceHost);
    const host = config.deviceHost.includes(":") ? `[${config.deviceHost}]` : config.deviceHost;
    return {
      name: listener.name,
      url: `${listener.scheme}://${host}:${port}`,
      ...(tls ? { renewTls: server.renewTls } : {}),
      close: () => server.close(graceMs),
    };
  } catch (error) {
    throw listenError(error, listener.setting, listener.port);
  }
}
