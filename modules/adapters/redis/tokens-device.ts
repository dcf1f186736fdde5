import type { DeviceRef, DeviceTokens } from "../../usecases/ports.ts";
import { withStoreErrors } from "./connection.ts";
import type { RedisConnection } from "./scripts.ts";

const digestPattern = /^[0-9a-f]{64}$/;
/** A longer value would turn the whole bucket from a compact list into a table. */
const valueBytesMax = 64;
/** What a bucket holds instead of a long value, which has a key of its own. */
const elsewhere = "/";
const rememberedMax = 100_000;

/**
 * Which device a token names. Buckets of some dozen entries stay compact lists in Redis, at about 40 bytes a token;
 * an entry is eight bytes of the digest and `product/identity`. An entry never changes, so each process remembers
 * those it has met. Entries of replaced tokens stay: they name a device, but open nothing.
 */
export function makeDeviceTokens({ redis }: { readonly redis: RedisConnection }): DeviceTokens {
  const remembered = new Map<string, DeviceRef>();

  function keepInMind(digest: string, ref: DeviceRef): void {
    const [oldest] = remembered.keys();
    if (remembered.size >= rememberedMax && oldest !== undefined) remembered.delete(oldest);
    remembered.set(digest, ref);
  }

  return {
    async remember(digest, ref) {
      const { bucket, field, longKey } = placeOf(digest);
      const value = `${ref.productId}/${ref.identity}`;
      await withStoreErrors(async () => {
        if (value.length <= valueBytesMax) return void (await redis.hset(bucket, field, value));
        await redis.set(longKey, value);
        await redis.hset(bucket, field, elsewhere);
      });
      keepInMind(digest, ref);
    },

    async find(digest) {
      if (!digestPattern.test(digest)) return undefined;
      const known = remembered.get(digest);
      if (known !== undefined) return known;
      const { bucket, field, longKey } = placeOf(digest);
      const value = await withStoreErrors(async () => {
        const found = await redis.hget(bucket, field);
        return found === elsewhere ? redis.get(longKey) : found;
      });
      if (value === null) return undefined;
      const ref = readRef(value);
      keepInMind(digest, ref);
      return ref;
    },
  };
}

function placeOf(digest: string): { bucket: string; field: Buffer; longKey: string } {
  if (!digestPattern.test(digest)) throw new Error("a device token is remembered by its SHA-256 in hex");
  const slot = `otau:{t${digest[0]}}`;
  return {
    bucket: `${slot}:tok:${digest.slice(1, 4)}`,
    field: Buffer.from(digest.slice(4, 20), "hex"),
    longKey: `${slot}:tokl:${digest}`,
  };
}

/** A product id holds no slash. */
function readRef(value: string): DeviceRef {
  const slash = value.indexOf("/");
  return { productId: value.slice(0, slash), identity: value.slice(slash + 1) };
}
