import type { Leases } from "../../usecases/ports.ts";
import { encodeKeyPart } from "./keys.ts";
import { type ProductStoreDeps, productScript, runProductScript } from "./product-scripts.ts";

/** How long a fence is remembered after its last use. */
const fenceKeptMs = 604_800_000;

/**
 * KEYS: holder, fence. ARGV: holder, milliseconds, how long the fence is kept. Answers the fence, or nothing.
 * The same holder gets the same fence again: a call that was sent twice is one lease. A fence is at least the time,
 * so that it goes on rising after an old one was forgotten.
 */
const acquireLease = productScript(
  "acquireLease",
  `
typed({ 'string', 'string' })
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return {} end
local fence = redis.call('GET', KEYS[2])
if not holder or not fence then fence = int(math.max(now, tonumber(fence or '0') + 1)) end
redis.call('SET', KEYS[2], fence, 'PX', ARGV[3])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return { fence }`,
);

/** KEYS: holder. ARGV: holder, milliseconds. */
const renewLease = productScript(
  "renewLease",
  `
typed({ 'string' })
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return { 'lost' } end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return { 'held' }`,
);

/** KEYS: holder. ARGV: holder. */
const releaseLease = productScript(
  "releaseLease",
  `
typed({ 'string' })
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return { 'done' }`,
);

/** Leases by name. They run out by the server's own time, whatever a test makes of the store's clock. */
export function makeLeases(deps: ProductStoreDeps): Leases {
  const holderKey = (name: string) => `otau:{l:${encodeKeyPart(name)}}:holder`;
  const fenceKey = (name: string) => `otau:{l:${encodeKeyPart(name)}}:fence`;
  return {
    async acquire(name, holder, ttlMs) {
      const keys = [holderKey(name), fenceKey(name)];
      const [fence] = await runProductScript(deps, acquireLease, keys, [holder, ttlMs, fenceKeptMs + ttlMs]);
      return fence === undefined ? undefined : { fence: Number(fence) };
    },
    async renew(name, holder, ttlMs) {
      const [outcome] = await runProductScript(deps, renewLease, [holderKey(name)], [holder, ttlMs]);
      return outcome === "held";
    },
    async release(name, holder) {
      await runProductScript(deps, releaseLease, [holderKey(name)], [holder]);
    },
  };
}
