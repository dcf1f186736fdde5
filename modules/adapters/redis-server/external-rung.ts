import { Cluster, Redis } from "ioredis";
import type { Logger } from "../../logger.ts";
import { StartupError } from "../../startup-error.ts";
import { durabilityOf, durabilityText, keepsPromise, weakest } from "./durability.ts";
import type { Durability, FsyncPolicy, Store } from "./store.ts";

const answerLimitMs = 8_000;

type Urls = readonly [string, ...string[]];

/** The address without its password. */
export function withoutPassword(url: string): string {
  const shown = new URL(url);
  shown.username = "";
  shown.password = "";
  return shown.toString();
}

/** A client for a few questions at the start: it gives up soon instead of queueing for ever. */
function openClient(url: string): Redis {
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 3_000,
    commandTimeout: 3_000,
    maxRetriesPerRequest: 1,
    retryStrategy: (times) => (times > 4 ? null : 250 * times),
  });
  client.on("error", () => undefined);
  return client;
}

/** The last error of the connection says more than "Connection is closed". */
async function connect(client: Redis): Promise<void> {
  let last: Error | undefined;
  client.on("error", (error: Error) => {
    last = error;
  });
  const timer = setTimeout(() => client.disconnect(), answerLimitMs);
  try {
    await client.connect();
    await client.ping();
  } catch (error) {
    throw last ?? error;
  } finally {
    clearTimeout(timer);
  }
}

/** Settings of one node; empty where CONFIG is not allowed, as hosted servers do. */
async function readSettings(client: Redis): Promise<ReadonlyMap<string, string>> {
  const settings = new Map<string, string>();
  for (const name of ["appendonly", "appendfsync", "save", "maxmemory-policy"]) {
    const reply = await client.config("GET", name).catch(() => []);
    const [, value] = reply as readonly (string | undefined)[];
    if (value !== undefined) settings.set(name, value);
  }
  return settings;
}

/** What we run on is scripts and streams; a server is asked for them, not for its version. */
async function checkCapabilities(client: Redis, shown: string): Promise<void> {
  const script = "return {redis.call('TIME')[1], cjson.encode({1}), redis.call('EXISTS', KEYS[1])}";
  await client.eval(script, 1, "otau:{probe}").catch((error: Error) => {
    throw new StartupError(
      `the server at ${shown} does not run our scripts (${error.message}): use Redis 6.2 or later, or Valkey, and allow EVAL`,
      { cause: error },
    );
  });
}

type Findings = { readonly isCluster: boolean; readonly nodes: readonly ReadonlyMap<string, string>[] };

async function settingsOfMasters(urls: Urls): Promise<readonly ReadonlyMap<string, string>[]> {
  const [first] = urls;
  const { username, password, protocol } = new URL(first);
  const cluster = new Cluster([...urls], {
    lazyConnect: true,
    redisOptions: {
      commandTimeout: 3_000,
      ...(username === "" ? {} : { username: decodeURIComponent(username) }),
      ...(password === "" ? {} : { password: decodeURIComponent(password) }),
      ...(protocol === "rediss:" ? { tls: {} } : {}),
    },
  });
  cluster.on("error", () => undefined);
  try {
    await cluster.connect();
    return await Promise.all(cluster.nodes("master").map(readSettings));
  } finally {
    cluster.disconnect();
  }
}

async function probe(urls: Urls): Promise<Findings> {
  const [first] = urls;
  const shown = withoutPassword(first);
  const client = openClient(first);
  try {
    await connect(client).catch((error: Error) => {
      throw new StartupError(
        `the store at ${shown} does not answer (${error.message}): start it, or mend REDIS_URL`,
        {
          cause: error,
        },
      );
    });
    const isCluster = /^(redis_mode:cluster|cluster_enabled:1)/m.test(await client.info().catch(() => ""));
    if (isCluster) return { isCluster, nodes: await settingsOfMasters(urls) };
    await checkCapabilities(client, shown);
    return { isCluster, nodes: [await readSettings(client)] };
  } finally {
    client.disconnect();
  }
}

function checkPromise(actual: Durability, demanded: FsyncPolicy | undefined, shown: string): void {
  if (demanded === undefined || keepsPromise(actual, demanded)) return;
  const found =
    actual === "unknown"
      ? "it does not show its settings"
      : `it is set to ${actual}: ${durabilityText[actual]}`;
  throw new StartupError(
    `OTAU_DURABILITY=${demanded} would be a lie for the store at ${shown} (${found}): set appendonly yes and appendfsync ${demanded} there, or leave OTAU_DURABILITY out`,
  );
}

/**
 * Opens the rung of an outside server, a single one or a cluster, and reports what it is really set to.
 *
 * @throws StartupError when it does not answer, lacks what we need, or does less than OTAU_DURABILITY demands.
 */
export async function openExternalRung(
  options: { readonly redisUrl: string; readonly durability: FsyncPolicy | undefined },
  log: Logger,
): Promise<Store> {
  const [first = "", ...others] = options.redisUrl.split(",");
  const urls: Urls = [first, ...others];
  const shown = withoutPassword(first);
  const { isCluster, nodes } = await probe(urls);
  const durability = weakest(nodes.map(durabilityOf));
  checkPromise(durability, options.durability, shown);
  const policies = nodes.map((node) => node.get("maxmemory-policy"));
  if (policies.some((policy) => policy !== undefined && policy !== "noeviction")) {
    log.error(
      { policies },
      "the store may evict keys and so forget devices: set maxmemory-policy noeviction there",
    );
  }
  return {
    rung: "external",
    address: { kind: "url", urls, isCluster },
    durability,
    describe: () => `the ${isCluster ? "cluster" : "server"} at ${shown}: ${durabilityText[durability]}`,
    isUp: () => true,
    onExit: () => undefined,
    close: async () => undefined,
  };
}
