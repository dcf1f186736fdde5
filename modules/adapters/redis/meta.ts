import { randomBytes } from "node:crypto";
import { StartupError } from "../../startup-error.ts";
import { defaultShardCount, metaKey } from "./keys.ts";
import type { RedisConnection } from "./scripts.ts";

/** Version of the layout of all keys; a store of a newer one is refused. */
export const schemaVersion = 1;

/** What is fixed for a store at its first start, and what its server can do. */
export type StoreMeta = {
  readonly schemaVersion: number;
  readonly shardCount: number;
  /** The server has sharded channels; without them plain ones are used. */
  readonly hasShardedChannels: boolean;
  /** Signs links to content bytes; made once, for all processes. */
  readonly linkSecret: string;
};

/**
 * Reads the store's fixed facts, writing them at the first start. `shardCount` counts for a new store alone.
 * Throws a StartupError for a store written by a newer program.
 */
export async function openMeta(
  redis: RedisConnection,
  options: { readonly shardCount?: number } = {},
): Promise<StoreMeta> {
  await redis.hsetnx(metaKey, "shardCount", String(options.shardCount ?? defaultShardCount));
  await redis.hsetnx(metaKey, "schemaVersion", String(schemaVersion));
  await redis.hsetnx(metaKey, "linkSecret", randomBytes(32).toString("hex"));
  const [version, shards, linkSecret] = await redis.hmget(
    metaKey,
    "schemaVersion",
    "shardCount",
    "linkSecret",
  );
  const found = { schemaVersion: Number(version), shardCount: Number(shards) };
  if (!Number.isInteger(found.schemaVersion) || found.schemaVersion > schemaVersion) {
    throw new StartupError(
      `The store has schema version ${version}, and this program knows up to ${schemaVersion}: start a newer otau on it, or name another store`,
    );
  }
  if (!Number.isInteger(found.shardCount) || found.shardCount < 1) {
    throw new StartupError(
      `The store's shard count is "${shards}", which is no number: it was damaged by hand`,
    );
  }
  return { ...found, linkSecret: linkSecret ?? "", hasShardedChannels: await hasShardedChannels(redis) };
}

/** A capability is tried, never read off a version: servers report versions they only resemble. */
async function hasShardedChannels(redis: RedisConnection): Promise<boolean> {
  try {
    await redis.spublish("otau:{s0}:probe", "");
    return true;
  } catch {
    return false;
  }
}
