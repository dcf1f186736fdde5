import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis, type RedisOptions } from "ioredis";
import { inject, onTestFinished } from "vitest";
import type { FsyncPolicy, Store } from "../../modules/adapters/redis-server/store.ts";
import { silentLogger } from "../../modules/logger.ts";
import { openTestServer } from "./test-server.ts";

/** What a test may set on a client of its own. */
export type ClientExtras = Omit<RedisOptions, "replyMapping">;

/** An empty keyspace on the server of the run. */
export type TestRedis = {
  /** Options for clients of the code under test; spread them into `new Redis(...)` or BullMQ's `connection`. */
  readonly options: { readonly path: string; readonly db: number };
  /** A client of the keyspace, ended by `close`. */
  readonly client: Redis;
  /** Another client, ended by `close` too. */
  readonly connect: (extra?: ClientExtras) => Redis;
  /** Empties the keyspace: cheap, for `beforeEach`. */
  readonly flush: () => Promise<void>;
  readonly close: () => Promise<void>;
};

const keyspacesPerWorker = 8;
let taken = 0;

/** Workers run one file at a time, so a range of database numbers per worker is private. */
function nextDatabase(): number {
  const worker = (Number(process.env["VITEST_POOL_ID"] ?? "1") - 1) % 8;
  const number = taken % keyspacesPerWorker;
  taken += 1;
  return worker * keyspacesPerWorker + number;
}

/**
 * An empty keyspace for this test file, on the one real server of the run. Call it in `beforeAll` and close it in
 * `afterAll`; up to eight at once in a file.
 */
export async function startTestRedis(): Promise<TestRedis> {
  const options = { path: inject("redisSocketPath"), db: nextDatabase() };
  const clients: Redis[] = [];
  const connect = (extra: ClientExtras = {}): Redis => {
    const client = new Redis({ ...options, maxRetriesPerRequest: null, ...extra });
    client.on("error", () => undefined);
    clients.push(client);
    return client;
  };
  const client = connect();
  await client.flushdb();
  return {
    options,
    client,
    connect,
    flush: async () => void (await client.flushdb()),
    close: async () => {
      await client.flushdb();
      for (const each of clients) each.disconnect();
    },
  };
}

/** A server of a test's own, to be killed, frozen or restarted; gone when the test ends. */
export type OwnRedis = { readonly store: Store; readonly socketPath: string; readonly dataDir: string };

/** Starts a server for this test alone; `dataDir` keeps data over a restart. */
export async function startOwnRedis(
  options: { readonly dataDir?: string; readonly durability?: FsyncPolicy } = {},
): Promise<OwnRedis> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "otau-own-"));
  const store = await openTestServer(dataDir, options.durability ?? "no", silentLogger);
  onTestFinished(async () => {
    await store.close();
    if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
  });
  if (store.address.kind !== "socket") throw new Error("tests need a server on a unix socket");
  return { store, socketPath: store.address.socketPath, dataDir };
}
