import { createHash } from "node:crypto";
import type { UpdateState } from "../../otau/vocabulary.ts";
import { crc16 } from "./crc16.ts";

/** Shards of a new store; the number is kept in `otau:meta` and never changes afterwards. */
export const defaultShardCount = 16;

/** Devices of one chunk of a table by ordinal (`n:` and `u:` keys). */
export const chunkSize = 100;

/** Schema version, shard count and the test clock of the whole store. */
export const metaKey = "otau:meta";

/** The shard a device lives in. */
export function shardOf(productId: string, identity: string, shardCount: number): number {
  return crc16(`${productId}/${identity}`) % shardCount;
}

const longestPlainPart = 64;

/**
 * Makes user text fit for a part of a key: only letters, digits, `.`, `_`, `-` and percent escapes remain, so that no
 * text can reach into another part. A long one becomes a digest; the `~` before it is in no escaped text.
 */
export function encodeKeyPart(text: string): string {
  const escaped = /^[A-Za-z0-9._-]*$/.test(text) ? text : escapePart(text);
  if (escaped.length <= longestPlainPart) return escaped;
  return `~${createHash("sha256").update(text).digest("base64url").slice(0, 32)}`;
}

function escapePart(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*~]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** All keys of one shard; one hash tag, so that one commit is one slot of a cluster. */
export type ShardKeys = ReturnType<typeof shardKeys>;

/** Key builders of a shard. Products, identities and deployment ids need no escaping: their patterns see to it. */
export function shardKeys(shard: number) {
  const base = `otau:{s${shard}}:`;
  const device = `${base}d:`;
  const overflow = `${base}x:`;
  const history = `${base}h:`;
  const index = `${base}ix:`;
  const deployment = `${base}dep:`;
  return {
    /** Small fields of a device (hash). */
    device: (productId: string, identity: string) => `${device}${productId}:${identity}`,
    /** Fields of a device that are too long for the small hash (hash). */
    overflow: (productId: string, identity: string) => `${overflow}${productId}:${identity}`,
    /** Newest history lines (list). */
    history: (productId: string, identity: string) => `${history}${productId}:${identity}`,
    /** What falls due when (sorted set of `product/identity`). */
    due: `${base}due`,
    /** Ordinal to identity (hash by ordinal), one chunk. */
    names: (productId: string, chunk: number) => `${base}n:${productId}:${chunk}`,
    /** Identities in order (sorted set of `identity NUL ordinal`). */
    ids: (productId: string) => `${base}ids:${productId}`,
    /** Next ordinal of a product (hash). */
    counters: (productId: string) => `${base}c:${productId}`,
    /** When each device was last heard of: six bytes of milliseconds by ordinal (string). */
    seen: (productId: string) => `${base}seen:${productId}`,
    /** Devices per installed version (hash). */
    versions: (productId: string) => `${base}vers:${productId}`,
    /** Every device of the product (index). */
    all: (productId: string) => `${index}${productId}:all`,
    /** Devices by the state of the update they show (index). */
    byState: (productId: string, state: UpdateState | "none") => `${index}${productId}:state=${state}`,
    byVersion: (productId: string, version: string) =>
      `${index}${productId}:version=${encodeKeyPart(version)}`,
    byTag: (productId: string, name: string, value: string) =>
      `${index}${productId}:tag.${name}=${encodeKeyPart(value)}`,
    drifted: (productId: string) => `${index}${productId}:drifted`,
    /** Counters by state, slots held and the fence of a deployment (hash). */
    deployment: (deploymentId: string) => `${deployment}${deploymentId}`,
    /** Members of a deployment (index). */
    members: (deploymentId: string) => `${deployment}${deploymentId}:members`,
    /** Members by state (index). */
    membersIn: (deploymentId: string, state: UpdateState) => `${deployment}${deploymentId}:${state}`,
    /** Members the releaser may judge (index). */
    ready: (deploymentId: string) => `${deployment}${deploymentId}:ready`,
    /** Who a target means, while its members are being stored (bitmap). */
    target: (deploymentId: string) => `${deployment}${deploymentId}:target`,
    /** Records of updates that stand in no device any more (hash by ordinal), one chunk. */
    records: (deploymentId: string, chunk: number) => `${deployment}${deploymentId}:u:${chunk}`,
    /** Deployments to look after (sorted set; the score is the mark: server time in microseconds). */
    dirty: `${base}dirty`,
    /** What commits did, until it is relayed (stream). */
    log: (productId: string) => `${base}log:${productId}`,
    /** Products with lines in their logs (set). */
    logs: `${base}logs`,
    /** Products that ever had a device here (set). */
    products: `${base}products`,
    /** A key that lives only while a script runs. */
    scratch: (name: string) => `${base}tmp:${name}`,
    /** Channel of hints (not a key, but routed like one). */
    hints: `${base}hint`,
  };
}

/** Keys of every shard, by shard number. */
export function allShardKeys(shardCount: number): readonly ShardKeys[] {
  return Array.from({ length: shardCount }, (_, shard) => shardKeys(shard));
}

/** A key in the slot of a product: settings, content, deployments, journal, idempotency. */
export function productKey(productId: string, ...parts: readonly string[]): string {
  return `otau:{p:${productId}}:${parts.join(":")}`;
}
