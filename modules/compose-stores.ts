import { join } from "node:path";
import { openDiskBlobs } from "./adapters/blobs/disk-blobs.ts";
import { makeConnectorCalls } from "./adapters/connector/connector-calls.ts";
import { openClock, openTestClock, type StoreClock } from "./adapters/redis/clock.ts";
import { openRequestConnection, openSubscriberConnection } from "./adapters/redis/connection.ts";
import { makeContentStore } from "./adapters/redis/content-store.ts";
import { makeReadPace } from "./adapters/redis/deployment-pace.ts";
import { refreshWhenFenced } from "./adapters/redis/deployments-fence.ts";
import { makeDeploymentStore } from "./adapters/redis/deployments-store.ts";
import { makeDeviceStore } from "./adapters/redis/device-store.ts";
import { makeHints } from "./adapters/redis/hints.ts";
import { makeIdempotencyStore } from "./adapters/redis/idempotency-store.ts";
import { makeJournal } from "./adapters/redis/journal.ts";
import { makeJournalArchive } from "./adapters/redis/journal-archive.ts";
import { makeJournalFiles } from "./adapters/redis/journal-files.ts";
import { makeJournalReads } from "./adapters/redis/journal-reads.ts";
import { makeTellTotals } from "./adapters/redis/journal-totals.ts";
import { makeKeyValueStore } from "./adapters/redis/keystore.ts";
import { makeLeases } from "./adapters/redis/leases.ts";
import { openMeta } from "./adapters/redis/meta.ts";
import { makeOutageStore } from "./adapters/redis/outages.ts";
import { makeProductStore } from "./adapters/redis/product-store.ts";
import { makeAppTokenStore } from "./adapters/redis/tokens-app.ts";
import { makeDeviceTokens } from "./adapters/redis/tokens-device.ts";
import type { StoreAddress } from "./adapters/redis-server/store.ts";
import { makeWebhookStore } from "./adapters/webhooks/webhook-store.ts";
import type { Logger } from "./logger.ts";
import { makeProductSettings } from "./usecases/product-settings.ts";

export type StoresOptions = {
  readonly address: StoreAddress;
  readonly dataDir: string;
  /** Lines of a journal that stay in the store, and days after which older ones are deleted. */
  readonly journalLines: number;
  readonly journalDays?: number | undefined;
  readonly db?: number;
  /** Time that tests move; refused by a store that serves devices. */
  readonly usesTestClock?: boolean;
  readonly log: Logger;
};

export type Stores = Awaited<ReturnType<typeof openStores>>;

/** One connection and all stores on it. Requests and workers have one each, so that neither waits for the other. */
export async function openStores(options: StoresOptions) {
  const { address, db, log } = options;
  const connection = {
    address,
    ...(db === undefined ? {} : { db }),
    onError: (error: Error) => log.debug({ err: error }, "store connection"),
  };
  const redis = await openRequestConnection(connection);
  const subscriber = openSubscriberConnection(connection);
  const meta = await openMeta(redis);
  const clock: StoreClock = options.usesTestClock ? await openTestClock(redis) : await openClock(redis);
  const deps = { redis, clock };
  const monotonicMs = () => performance.now();
  const products = makeProductStore(deps);
  const settings = makeProductSettings(products, monotonicMs);
  const deployments = makeDeploymentStore({ ...deps, monotonicMs });
  const journal = makeJournal({ ...deps, monotonicMs, shardCount: meta.shardCount });

  async function close(): Promise<void> {
    await clock.close();
    subscriber.disconnect();
    await redis.quit().catch(() => redis.disconnect());
  }

  return {
    redis,
    clock,
    linkSecret: meta.linkSecret,
    deployments,
    journal,
    archive: makeJournalArchive({
      ...deps,
      files: makeJournalFiles(join(options.dataDir, "journal")),
      reads: makeJournalReads(deps),
      linesKept: options.journalLines,
      ...(options.journalDays === undefined ? {} : { filesKeptMs: options.journalDays * 86_400_000 }),
    }),
    tellTotals: makeTellTotals(deps),
    readPace: makeReadPace(deps),
    devices: refreshWhenFenced(
      makeDeviceStore({
        redis,
        meta,
        clock,
        findDeployments: deployments.getMany,
        historyLimits: settings.historyLimitsOf,
      }),
      deployments,
    ),
    products,
    settings,
    content: makeContentStore(deps),
    blobs: await openDiskBlobs({ folder: join(options.dataDir, "blobs") }),
    idempotency: makeIdempotencyStore(deps),
    webhooks: makeWebhookStore(deps),
    connectorCalls: makeConnectorCalls({ ...deps, meta }),
    leases: makeLeases(deps),
    outages: makeOutageStore(deps),
    appTokens: makeAppTokenStore(deps),
    deviceTokens: makeDeviceTokens({ redis }),
    keystore: makeKeyValueStore({ redis }),
    hints: makeHints({ subscriber, meta }),
    close,
  };
}
