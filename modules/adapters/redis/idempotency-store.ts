import type { IdempotencyStore } from "../../usecases/ports.ts";
import { productKeys } from "./product-keys.ts";
import { type ProductStoreDeps, productScript, runProductScript } from "./product-scripts.ts";

/** How long an answer is kept. */
export const answerKeptMs = 86_400_000;
/** How long a request may run before another one with its key takes over. */
const leaseMs = 10_000;

/**
 * KEYS: the record. ARGV: digest, fresh id, lease, how long the record is kept.
 * A record without an answer whose lease ran out belongs to a request that died: the same body resumes under its id,
 * as it may have prepared something; another body starts afresh.
 */
const beginRecord = productScript(
  "beginRecord",
  `
typed({ 'hash' })
local r = redis.call('HMGET', KEYS[1], 'digest', 'id', 'reply', 'until', 'lease')
local digest, id, reply, kept, lease = r[1], r[2], r[3], tonumber(r[4] or '0'), tonumber(r[5] or '0')
if digest and kept <= now then digest, reply = nil, nil end
if digest and reply then
  if digest ~= ARGV[1] then return { 'reused' } end
  return { 'replay', reply }
end
if digest and lease > now then return { 'inProgress' } end
if digest ~= ARGV[1] then id = ARGV[2] end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'digest', ARGV[1], 'id', id, 'lease', int(now + tonumber(ARGV[3])), 'until', int(now + tonumber(ARGV[4])))
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return { 'run', id }`,
);

/** KEYS: the record. ARGV: digest, answer, how long it is kept. Of a record that another body took over: nothing. */
const finishRecord = productScript(
  "finishRecord",
  `
typed({ 'hash' })
local digest = redis.call('HGET', KEYS[1], 'digest')
if digest and digest ~= ARGV[1] then return { 'lost' } end
if redis.call('HEXISTS', KEYS[1], 'reply') == 1 then return { 'kept' } end
redis.call('HSET', KEYS[1], 'digest', ARGV[1], 'reply', ARGV[2], 'until', int(now + tonumber(ARGV[3])))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return { 'kept' }`,
);

/** KEYS: the record. An answer that is kept stays. */
const abandonRecord = productScript(
  "abandonRecord",
  `
typed({ 'hash' })
if redis.call('HEXISTS', KEYS[1], 'reply') == 0 then redis.call('DEL', KEYS[1]) end
return { 'done' }`,
);

/** Answers kept under idempotency keys, in the slot of their product so that an apply keeps its own with its commit. */
export function makeIdempotencyStore(deps: ProductStoreDeps): IdempotencyStore {
  return {
    async begin(productId, record, digest, freshId) {
      const [outcome, text = ""] = await runProductScript(
        deps,
        beginRecord,
        [productKeys.idempotency(productId, record)],
        [digest, freshId, leaseMs, answerKeptMs],
      );
      if (outcome === "run") return { outcome, id: text };
      if (outcome === "replay") return { outcome, reply: text };
      return { outcome: outcome === "reused" ? "reused" : "inProgress" };
    },
    async finish(productId, record, digest, reply) {
      const keys = [productKeys.idempotency(productId, record)];
      await runProductScript(deps, finishRecord, keys, [digest, reply, answerKeptMs]);
    },
    async abandon(productId, record) {
      await runProductScript(deps, abandonRecord, [productKeys.idempotency(productId, record)], []);
    },
  };
}
