import { randomBytes, randomUUID } from "node:crypto";
import { join } from "node:path";
import type { Logger } from "pino";
import { type OpenAlarmClock, openAlarmClock } from "./adapters/bullmq/alarm-clock.ts";
import { toStoreError } from "./adapters/redis/connection.ts";
import type { Store } from "./adapters/redis-server/store.ts";
import type { App } from "./app.ts";
import { composeApp } from "./compose-app.ts";
import { composeConnector } from "./compose-connector.ts";
import { openListeners } from "./compose-listeners.ts";
import { composePlatform, composeTimers, type HelpersFor } from "./compose-platform.ts";
import { openStores, type Stores } from "./compose-stores.ts";
import { composeWebhooks } from "./compose-webhooks.ts";
import type { Config } from "./config.ts";
import { makeDuties } from "./duties.ts";
import { OtauError } from "./errors.ts";
import { type FailPoint, noFailPoint } from "./fail-point.ts";
import { makeMetrics } from "./metrics.ts";
import { makeReadiness } from "./readiness.ts";
import { type Dispatch, makeDispatch, runInitScript } from "./runtime/events.ts";
import { loadSolution } from "./runtime/load.ts";
import { readManifest } from "./runtime/manifest.ts";
import { buildOpenapi } from "./runtime/openapi.ts";
import { knownServices, resourcesOf } from "./services.ts";
import type { Swept } from "./usecases/sweep-due.ts";
import { makeKeepJournals } from "./usecases/verify-journal.ts";

export type ComposeOptions = {
  readonly config: Config;
  readonly store: Store;
  readonly adminToken: string;
  readonly log: Logger;
  /** Folder of `solution.yaml`. */
  readonly root: string;
  readonly failPoint?: FailPoint;
  /** Keyspace and moved time of a test. */
  readonly db?: number;
  readonly usesTestClock?: boolean;
};

/** Builds everything and starts what this process is for. The only place that knows all parts. */
export async function compose(options: ComposeOptions) {
  const { config, store, log, root } = options;
  const isWorker = config.roles.includes("worker");
  const manifest = await readManifest(join(root, "solution.yaml"));
  const solution = await loadSolution(root, manifest, knownServices);
  const stores = await openStores(storesOptions(options));
  const workStores = isWorker ? await openStores(storesOptions(options)) : undefined;
  const metrics = makeMetrics();
  const openapi = buildOpenapi(solution.endpoints, {
    title: manifest.info.name,
    version: manifest.info.version ?? "0",
  });

  // App, events and alarm clock need each other; each is looked up when it is used.
  let dispatch: Dispatch = async () => undefined;
  let alarm: OpenAlarmClock | undefined;
  // A timer that is fired before its handler is there would be heard by nobody.
  let hearsTimers = false;
  // Without a device listener of its own a process takes its neighbour's usual place.
  let deviceUrl = config.deviceUrl ?? `http://${urlHost(config.deviceHost)}:${config.deviceHttpPort}`;
  let lastSweep: Swept = { judged: 0, oldestLateMs: 0 };
  const appDeps = {
    config,
    adminToken: options.adminToken,
    resources: resourcesOf(solution.configs),
    alarm: { wake: (...[duty, subject]: Parameters<OpenAlarmClock["wake"]>) => alarm?.wake(duty, subject) },
    deviceUrl: () => deviceUrl.replace(/\/+$/, ""),
    settingsChanged: (productId: string) => {
      for (const each of [stores, workStores]) each?.settings.forget(productId);
    },
    failPoint: options.failPoint ?? noFailPoint,
    emit: (...[service, event, payload]: Parameters<Dispatch>) => dispatch(service, event, payload),
    log,
    metrics,
  };
  const requests = composeApp({ ...appDeps, stores });
  const work = workStores && composeApp({ ...appDeps, stores: workStores });

  const webhooks = workStores && composeWebhooks(workStores, config, log);
  const connector =
    work &&
    workStores &&
    composeConnector(workStores, { ...work, config, failPoint: appDeps.failPoint, log });
  const fireTimers = workStores && composeTimers(workStores, appDeps.emit, log);
  alarm = await openAlarmClock({
    address: store.address,
    ...(options.db === undefined ? {} : { db: options.db }),
    log,
    ...(work && workStores
      ? {
          work: makeDuties({
            stores: workStores,
            sweep: work.sweep,
            conduct: work.conductor,
            keepJournals: makeKeepJournals({
              archive: workStores.archive,
              leases: workStores.leases,
              webhooks: workStores.webhooks,
              holder: `${process.pid}.${randomBytes(6).toString("hex")}`,
              now: Date.now,
            }),
            deliverWebhooks: async () => webhooks?.deliverAll(),
            callConnectors: async () => connector?.callAll(),
            healConnectors: async () => connector?.heal(),
            fireTimers: async () => (hearsTimers ? await fireTimers?.() : undefined),
            swept: (swept) => {
              lastSweep = swept;
              metrics.sweepLateSeconds.observe(Math.max(0, swept.oldestLateMs) / 1000);
            },
            repaired: (count) => metrics.dueRepaired.inc(count),
            failPoint: appDeps.failPoint,
          }),
        }
      : {}),
  });
  const health = makeReadiness({ store, stores, alarm, lastSweep: () => lastSweep, isWorker, metrics });
  const app: App = { ...requests.app, health, openapi: () => openapi };
  const withPlatform = composePlatform({
    app,
    stores,
    solution,
    manifest,
    defaultProduct: config.defaultProduct,
    link: (productId, id, expiresInMs) =>
      requests.links.link(productId, id, stores.clock.roughNow() + expiresInMs),
    log,
  });
  const helpersFor: HelpersFor = (context, origin) =>
    withPlatform(origin, { app, log: log.child(context), context });
  dispatch = makeDispatch(solution.handlers, {
    helpersFor: (context, payload) => helpersFor(context, { payload }),
    log,
  });
  await runInitScript(solution.initScript, initRecord(stores), helpersFor({ handler: "init_script" }, {}));
  hearsTimers = true;

  const listeners = await openListeners({
    config,
    app,
    access: requests.access,
    refused: requests.refused,
    stores,
    solution,
    manifest,
    root,
    helpersFor,
    translateError,
    newId: randomUUID,
    log,
  });
  deviceUrl = config.deviceUrl ?? listeners.addresses.deviceUrl ?? listeners.devicesUrl ?? deviceUrl;

  /** Listeners first, then workers, then the connections: nothing that was acknowledged is cut short. */
  async function close(): Promise<void> {
    requests.close();
    work?.close();
    await listeners.close();
    await alarm?.close();
    await Promise.all([webhooks?.close(), connector?.close()]);
    await workStores?.close();
    await stores.close();
  }

  return {
    app,
    access: requests.access,
    stores,
    ...listeners.addresses,
    listening: listeners.describe(),
    close,
  };
}

const urlHost = (host: string): string => (host.includes(":") ? `[${host}]` : host);

function storesOptions({ config, store, log, db, usesTestClock }: ComposeOptions) {
  return {
    address: store.address,
    dataDir: config.dataDir,
    journalLines: config.journalLines,
    journalDays: config.journalDays,
    ...(db === undefined ? {} : { db }),
    ...(usesTestClock ? { usesTestClock } : {}),
    log,
  };
}

function translateError(error: unknown): OtauError | undefined {
  const translated = toStoreError(error);
  return translated instanceof OtauError ? translated : undefined;
}

/** The init script has its mark in the store: it runs once for all processes and starts. */
function initRecord(stores: Stores) {
  const key = "otau:init_script";
  return {
    alreadyRan: async () => (await stores.redis.exists(key)) === 1,
    markRan: async () => void (await stores.redis.set(key, randomBytes(4).toString("hex"), "NX")),
  };
}
