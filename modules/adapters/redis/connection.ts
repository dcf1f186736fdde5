import { Cluster, Redis, type RedisOptions } from "ioredis";
import { OtauError } from "../../errors.ts";
import type { StoreAddress } from "../redis-server/store.ts";
import type { RedisConnection } from "./scripts.ts";

/** What a connection is for beyond its address. */
export type ConnectionSettings = {
  readonly address: StoreAddress;
  /** Keyspace number, for tests; a cluster has but one. */
  readonly db?: number;
  /** Told of each broken connection; without a listener a broken one would end the process. */
  readonly onError?: (error: Error) => void;
  /** How long a command may take before its outcome counts as unknown. */
  readonly commandTimeoutMs?: number;
};

type ClientOptions = Pick<
  RedisOptions,
  "enableOfflineQueue" | "maxRetriesPerRequest" | "commandTimeout" | "lazyConnect"
>;

const defaultCommandTimeoutMs = 2000;

/**
 * A connection for requests: it fails fast instead of queueing while the store is away, and gives up on a command
 * after two seconds. Auto-pipelining stays off, as it halves the rate of scripts. Resolves once it is usable.
 */
export async function openRequestConnection(settings: ConnectionSettings): Promise<RedisConnection> {
  const redis = createConnection(settings, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: settings.commandTimeoutMs ?? defaultCommandTimeoutMs,
    lazyConnect: true,
  });
  await redis.connect();
  return redis;
}

/** A connection that only listens to channels: it waits for the store for ever and subscribes again by itself. */
export function openSubscriberConnection(settings: ConnectionSettings): RedisConnection {
  return createConnection(settings, { maxRetriesPerRequest: null });
}

function createConnection(settings: ConnectionSettings, options: ClientOptions): RedisConnection {
  const redis = connect(settings, options);
  redis.on("error", (error: Error) => settings.onError?.(error));
  return redis;
}

function connect({ address, db }: ConnectionSettings, options: ClientOptions): RedisConnection {
  const keyspace = db === undefined ? {} : { db };
  if (address.kind === "socket") return new Redis({ ...options, ...keyspace, path: address.socketPath });
  const [first] = address.urls;
  if (!address.isCluster) return new Redis(first, { ...options, ...keyspace });
  const { lazyConnect, enableOfflineQueue, ...nodeOptions } = options;
  return new Cluster([...address.urls], {
    lazyConnect: lazyConnect ?? false,
    enableOfflineQueue: enableOfflineQueue ?? true,
    shardedSubscribers: true,
    redisOptions: nodeOptions,
  });
}

const retryAfterSeconds = 1;

/** Replies that say "not now": loading, out of memory, cannot write its log, no master here, a script that hangs. */
const unavailableReply =
  /^(LOADING|OOM|MISCONF|READONLY|MASTERDOWN|NOREPLICAS|CLUSTERDOWN|TRYAGAIN|BUSY|UNBLOCKED|NOAUTH|WRONGPASS|EXECABORT)\b/;

const unavailableMessage =
  /Command timed out|Connection is closed|Stream isn't writeable|max retries per request|Failed to refresh slots cache|None of startup nodes|Reached the max retries|Socket closed|Socket timeout/i;

const unavailableCodes: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOENT",
  "ENOTFOUND",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EAI_AGAIN",
]);

/** Whether the failure means that the store is away or refuses for now, not that we asked something wrong. */
export function isStoreUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = (error as { readonly code?: unknown }).code;
  if (typeof code === "string" && unavailableCodes.has(code)) return true;
  return unavailableReply.test(error.message) || unavailableMessage.test(error.message);
}

/** A failure of the store as callers know it: STORE_UNAVAILABLE with its `retryAfterSeconds`; others as they are. */
export function toStoreError(error: unknown): unknown {
  if (!isStoreUnavailable(error)) return error;
  const what = error instanceof Error ? error.message : String(error);
  return new OtauError("STORE_UNAVAILABLE", `The store does not answer (${what}): try again shortly.`, {
    retryAfterSeconds,
    cause: error,
  });
}

/** Runs an access to the store with its failures translated by {@link toStoreError}. */
export async function withStoreErrors<Result>(access: () => Promise<Result>): Promise<Result> {
  try {
    return await access();
  } catch (error) {
    throw toStoreError(error);
  }
}
