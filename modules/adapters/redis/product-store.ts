import { OtauError } from "../../errors.ts";
import type { Precondition, ProductRecord, ProductSettings, ProductStore } from "../../usecases/ports.ts";
import { withStoreErrors } from "./connection.ts";
import { defaultProductId, productIdsKey, productKeys } from "./product-keys.ts";
import { type ProductStoreDeps, productScript, runProductScript } from "./product-scripts.ts";

/** KEYS: record. ARGV: settings, If-Match, If-None-Match. Answers `{ outcome, revision, createdAt }`. */
const putProduct = productScript(
  "putProduct",
  `
typed({ 'hash' })
local r = redis.call('HMGET', KEYS[1], 'rev', 'at', 'last')
local rev = r[1]
if rev and ARGV[3] == '1' then return { 'mismatch', rev } end
if ARGV[2] ~= '' and rev ~= ARGV[2] then return { 'mismatch', rev or '' } end
local createdAt = rev and r[2] or int(now)
local next = int(tonumber(rev or r[3] or '0') + 1)
redis.call('HSET', KEYS[1], 'rev', next, 'at', createdAt, 'settings', ARGV[1])
return { rev and 'replaced' or 'created', next, createdAt }`,
);

/**
 * Creates a product with the given settings where there is none. KEYS: record. ARGV: settings.
 * Answers `{ settings, revision, createdAt }`.
 */
const ensureProduct = productScript(
  "ensureProduct",
  `
typed({ 'hash' })
if redis.call('HEXISTS', KEYS[1], 'rev') == 0 then
  redis.call('HSET', KEYS[1], 'rev', '1', 'at', int(now), 'settings', ARGV[1])
end
return redis.call('HMGET', KEYS[1], 'settings', 'rev', 'at')`,
);

/**
 * Deletes a product without content; its last revision stays, so that an old ETag fits no later product of the id.
 * KEYS: record, ids of its content. ARGV: If-Match, If-None-Match. Answers `{ outcome, revision }`.
 */
const removeProduct = productScript(
  "removeProduct",
  `
typed({ 'hash', 'zset' })
local rev = redis.call('HGET', KEYS[1], 'rev')
if not rev then return { ARGV[1] ~= '' and 'mismatch' or 'absent', '' } end
if ARGV[2] == '1' or (ARGV[1] ~= '' and ARGV[1] ~= rev) then return { 'mismatch', rev } end
if redis.call('ZCARD', KEYS[2]) > 0 then return { 'notEmpty', rev } end
redis.call('HSET', KEYS[1], 'last', rev)
redis.call('HDEL', KEYS[1], 'rev', 'at', 'settings')
return { 'removed', rev }`,
);

/**
 * Products and their settings. The set of ids only grows: a product is there when its record is, so that creating
 * and deleting one stays within its own slot. `default` comes into being with the first look at it.
 */
export function makeProductStore(deps: ProductStoreDeps): ProductStore {
  const { redis } = deps;

  async function get(productId: string): Promise<ProductRecord | undefined> {
    const key = productKeys.record(productId);
    const cells =
      productId === defaultProductId
        ? await runProductScript(deps, ensureProduct, [key], ["{}"])
        : await withStoreErrors(() => redis.hmget(key, "settings", "rev", "at"));
    const [settings, revision, createdAt] = cells;
    if (!settings) return undefined;
    return {
      id: productId,
      settings: JSON.parse(settings),
      revision: Number(revision),
      createdAt: Number(createdAt),
    };
  }

  async function list({ after, limit }: { after?: string; limit: number }) {
    await withStoreErrors(() => redis.zadd(productIdsKey, 0, defaultProductId));
    const from = after === undefined ? "-" : `(${after}`;
    const ids = await withStoreErrors(() => redis.zrangebylex(productIdsKey, from, "+", "LIMIT", 0, limit));
    const records = await Promise.all(ids.map(get));
    const items = records.filter((record) => record !== undefined);
    const last = ids.at(-1);
    return ids.length < limit || last === undefined ? { items } : { items, next: last };
  }

  return {
    get,
    list,

    async put(productId: string, settings: ProductSettings, precondition: Precondition) {
      // First into the ids: one without a record is passed over, a record outside of them would not be found.
      await withStoreErrors(() => redis.zadd(productIdsKey, 0, productId));
      if (productId === defaultProductId) await get(productId);
      const [outcome, revision, createdAt] = await runProductScript(
        deps,
        putProduct,
        [productKeys.record(productId)],
        [JSON.stringify(settings), precondition.ifMatch ?? "", precondition.ifNoneMatch ? 1 : 0],
      );
      if (outcome === "mismatch") throw mismatch(productId, revision);
      const record = { id: productId, settings, revision: Number(revision), createdAt: Number(createdAt) };
      return { record, created: outcome === "created" };
    },

    async remove(productId, precondition) {
      if (productId === defaultProductId) {
        throw new OtauError(
          "PRODUCT_NOT_EMPTY",
          `Product ${productId} is always there and cannot be deleted.`,
        );
      }
      const [outcome, revision] = await runProductScript(
        deps,
        removeProduct,
        [productKeys.record(productId), productKeys.itemIds(productId)],
        [precondition.ifMatch ?? "", precondition.ifNoneMatch ? 1 : 0],
      );
      if (outcome === "mismatch") throw mismatch(productId, revision);
      if (outcome === "notEmpty") {
        throw new OtauError(
          "PRODUCT_NOT_EMPTY",
          `Product ${productId} still has content; delete that first.`,
        );
      }
      return outcome === "removed";
    },

    async ids() {
      const found: string[] = [];
      let after: string | undefined;
      do {
        const page = await list({ limit: 500, ...(after === undefined ? {} : { after }) });
        found.push(...page.items.map(({ id }) => id));
        after = page.next;
      } while (after !== undefined);
      return found;
    },
  };
}

function mismatch(productId: string, revision = ""): OtauError {
  if (revision === "") {
    return new OtauError("REVISION_MISMATCH", `There is no product ${productId} that If-Match could fit.`);
  }
  return new OtauError(
    "REVISION_MISMATCH",
    `Product ${productId} is at revision ${revision}; read it again and decide anew.`,
    { revision: Number(revision) },
  );
}
