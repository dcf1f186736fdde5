import type { Delivery, WebhookHead, WebhookRecord, WebhookStore } from "../../usecases/ports.ts";
import { withStoreErrors } from "../redis/connection.ts";
import { encodeKeyPart, productKey } from "../redis/keys.ts";
import { type ProductStoreDeps, productScript, runProductScript } from "../redis/product-scripts.ts";

const deadMax = 10_000;
const deliveredMax = 100;
/** Products that ever had a webhook. */
const productsKey = "otau:{products}:webhooks";

const keysOf = (productId: string, id: string) => {
  const base = `webhook:${encodeKeyPart(id)}`;
  return {
    /** Hash: `pos`, the number of the last line that is done with; `head`, the delivery that is being repeated. */
    progress: productKey(productId, `${base}:progress`),
    /** Hash: line number to delivery. */
    deliveries: productKey(productId, `${base}:deliveries`),
    /** Sorted sets of line numbers. */
    dead: productKey(productId, `${base}:dead`),
    delivered: productKey(productId, `${base}:delivered`),
    replay: productKey(productId, `${base}:replay`),
  };
};
const recordsKey = (productId: string) => productKey(productId, "webhooks");

/** KEYS: records, progress. ARGV: id, record, position, most of them. Answers `{ outcome }`. */
const createWebhook = productScript(
  "createWebhook",
  `
typed({ 'hash', 'hash' })
if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[4]) then return { 'many' } end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('HSET', KEYS[2], 'pos', ARGV[3])
return { 'created' }`,
);

/** KEYS: records. ARGV: id, record seen, new record. Answers `{ outcome }`. */
const replaceWebhook = productScript(
  "replaceWebhook",
  `
typed({ 'hash' })
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return { 'changed' } end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return { 'replaced' }`,
);

/** KEYS: records, then all of the webhook. ARGV: id. */
const removeWebhook = productScript(
  "removeWebhook",
  `
local removed = redis.call('HDEL', KEYS[1], ARGV[1])
for i = 2, #KEYS do redis.call('DEL', KEYS[i]) end
return { removed }`,
);

/**
 * A delivery is over, delivered or dead: its place is kept, the position moves on, the head and the replay end.
 * KEYS: records, progress, deliveries, the kind's set, the other kind's set, replays. ARGV: id, number, delivery, how
 * many of the kind are kept.
 */
const settleDelivery = productScript(
  "settleDelivery",
  `
typed({ 'hash', 'hash', 'hash', 'zset', 'zset', 'zset' })
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return { 'gone' } end
redis.call('HSET', KEYS[3], ARGV[2], ARGV[3])
redis.call('ZADD', KEYS[4], ARGV[2], ARGV[2])
redis.call('ZREM', KEYS[5], ARGV[2])
redis.call('ZREM', KEYS[6], ARGV[2])
local over = redis.call('ZCARD', KEYS[4]) - tonumber(ARGV[4])
if over > 0 then
  for _, old in ipairs(redis.call('ZRANGE', KEYS[4], 0, over - 1)) do redis.call('HDEL', KEYS[3], old) end
  redis.call('ZREMRANGEBYRANK', KEYS[4], 0, over - 1)
end
if tonumber(redis.call('HGET', KEYS[2], 'pos') or '0') < tonumber(ARGV[2]) then redis.call('HSET', KEYS[2], 'pos', ARGV[2]) end
redis.call('HDEL', KEYS[2], 'head')
return { 'settled' }`,
);

/** Moves the position on. KEYS: records, progress. ARGV: id, number. */
const passLines = productScript(
  "passLines",
  `
typed({ 'hash', 'hash' })
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return { 'gone' } end
if tonumber(redis.call('HGET', KEYS[2], 'pos') or '0') < tonumber(ARGV[2]) then redis.call('HSET', KEYS[2], 'pos', ARGV[2]) end
return { 'passed' }`,
);

/** KEYS: records, progress. ARGV: id, head. */
const keepHead = productScript(
  "keepHead",
  `
typed({ 'hash', 'hash' })
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then redis.call('HSET', KEYS[2], 'head', ARGV[2]) end
return {}`,
);

/** KEYS: dead, replays. ARGV: numbers (none = all). Answers how many are to be sent again. */
const replayDead = productScript(
  "replayDead",
  `
typed({ 'zset', 'zset' })
local wanted = ARGV
if #wanted == 0 then wanted = redis.call('ZRANGE', KEYS[1], 0, -1) end
local count = 0
for i = 1, #wanted do
  if redis.call('ZSCORE', KEYS[1], wanted[i]) then
    redis.call('ZADD', KEYS[2], wanted[i], wanted[i])
    count = count + 1
  end
end
return { count }`,
);

/** Webhooks and how far each has come, in the product's slot. */
export function makeWebhookStore(deps: ProductStoreDeps): WebhookStore {
  const { redis } = deps;
  const read = (text: string) => JSON.parse(text) as WebhookRecord;

  async function settle({ productId, id }: WebhookRecord, delivery: Delivery): Promise<boolean> {
    const keys = keysOf(productId, id);
    const isDead = delivery.state === "dead";
    const [mine, other] = isDead ? [keys.dead, keys.delivered] : [keys.delivered, keys.dead];
    const [outcome] = await runProductScript(
      deps,
      settleDelivery,
      [recordsKey(productId), keys.progress, keys.deliveries, mine, other, keys.replay],
      [id, delivery.number, JSON.stringify(delivery), isDead ? deadMax : deliveredMax],
    );
    return outcome === "settled";
  }

  return {
    products: () => withStoreErrors(() => redis.smembers(productsKey)),

    async list(productId) {
      const records = await withStoreErrors(() => redis.hvals(recordsKey(productId)));
      return records.map(read).sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
    },

    async get(productId, id) {
      const text = await withStoreErrors(() => redis.hget(recordsKey(productId), id));
      return text === null ? undefined : read(text);
    },

    async create(record, position, most) {
      const { productId, id } = record;
      await withStoreErrors(() => redis.sadd(productsKey, productId));
      const [outcome] = await runProductScript(
        deps,
        createWebhook,
        [recordsKey(productId), keysOf(productId, id).progress],
        [id, JSON.stringify(record), position, most],
      );
      return outcome === "created";
    },

    async replace(before, after) {
      const [outcome] = await runProductScript(
        deps,
        replaceWebhook,
        [recordsKey(before.productId)],
        [before.id, JSON.stringify(before), JSON.stringify(after)],
      );
      return outcome === "replaced";
    },

    async remove(productId, id) {
      const { progress, deliveries, dead, delivered, replay } = keysOf(productId, id);
      const keys = [recordsKey(productId), progress, deliveries, dead, delivered, replay];
      return (await runProductScript(deps, removeWebhook, keys, [id]))[0] === "1";
    },

    async progress(productId, id) {
      const keys = keysOf(productId, id);
      const [[position, head], [replay]] = await withStoreErrors(() =>
        Promise.all([redis.hmget(keys.progress, "pos", "head"), redis.zrange(keys.replay, "0", "0")]),
      );
      return {
        position: Number(position ?? 0),
        ...(head ? { head: JSON.parse(head) as WebhookHead } : {}),
        ...(replay === undefined ? {} : { replay: Number(replay) }),
      };
    },

    settle,

    async pass({ productId, id }, position) {
      const keys = [recordsKey(productId), keysOf(productId, id).progress];
      return (await runProductScript(deps, passLines, keys, [id, position]))[0] === "passed";
    },

    async keepHead({ productId, id }, head) {
      const keys = [recordsKey(productId), keysOf(productId, id).progress];
      await runProductScript(deps, keepHead, keys, [id, JSON.stringify(head)]);
    },

    async delivery(productId, id, number) {
      const text = await withStoreErrors(() => redis.hget(keysOf(productId, id).deliveries, String(number)));
      return text === null ? undefined : (JSON.parse(text) as Delivery);
    },

    async deliveries(productId, id, state, { after, limit }) {
      const keys = keysOf(productId, id);
      const numbers = await withStoreErrors(() =>
        redis.zrangebyscore(keys[state], `(${after ?? 0}`, "+inf", "LIMIT", "0", String(limit)),
      );
      if (numbers.length === 0) return [];
      const texts = await withStoreErrors(() => redis.hmget(keys.deliveries, ...numbers));
      return texts.flatMap((text) => (text === null ? [] : [JSON.parse(text) as Delivery]));
    },

    async replay(productId, id, numbers) {
      const { dead, replay } = keysOf(productId, id);
      return Number((await runProductScript(deps, replayDead, [dead, replay], numbers ?? []))[0]);
    },
  };
}
