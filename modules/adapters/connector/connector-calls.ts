import type { ConnectorCall, ConnectorCalls, DeviceRef } from "../../usecases/ports.ts";
import { metaKey, shardOf } from "../redis/keys.ts";
import { type ProductStoreDeps, productScript, runProductScript } from "../redis/product-scripts.ts";

/** Set in `otau:meta` with the first call ever: stores without a connector are not asked for calls. */
const usedField = "hasConnectorCalls";

/**
 * KEYS: calls, facts. ARGV: delay, `NX` or `LT`, then member and stamp in turn. An earlier call stays the earlier
 * one; the failures of another value's call do not count for this one.
 */
const expectCalls = productScript(
  "expectCalls",
  `
typed({ 'zset', 'hash' })
for i = 3, #ARGV, 2 do
  local member, stamp = ARGV[i], ARGV[i + 1]
  local known = redis.call('HGET', KEYS[2], member)
  if not (known and ARGV[2] == 'NX') then
    if not known or string.match(known, '^%d+') ~= stamp then
      redis.call('HSET', KEYS[2], member, stamp .. ':0')
    end
    redis.call('ZADD', KEYS[1], ARGV[2], int(now + tonumber(ARGV[1])), member)
  end
end
return {}`,
);

/** KEYS: calls, facts. ARGV: how many, milliseconds for which nobody else gets them. Members and facts in turn. */
const claimCalls = productScript(
  "claimCalls",
  `
typed({ 'zset', 'hash' })
local claimed = {}
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', int(now), 'LIMIT', 0, ARGV[1])) do
  redis.call('ZADD', KEYS[1], int(now + tonumber(ARGV[2])), member)
  claimed[#claimed + 1] = member
  claimed[#claimed + 1] = redis.call('HGET', KEYS[2], member) or '0:0'
end
return claimed`,
);

/**
 * KEYS: calls, facts. ARGV: member, stamp, failures, delay or `done`. Where a newer value is owed by now, its call
 * comes at once, whatever became of this one.
 */
const settleCall = productScript(
  "settleCall",
  `
typed({ 'zset', 'hash' })
local known = redis.call('HGET', KEYS[2], ARGV[1])
if not known then return {} end
if string.match(known, '^%d+') ~= ARGV[2] then
  redis.call('ZADD', KEYS[1], 'XX', int(now), ARGV[1])
elseif ARGV[4] == 'done' then
  redis.call('ZREM', KEYS[1], ARGV[1])
  redis.call('HDEL', KEYS[2], ARGV[1])
else
  redis.call('HSET', KEYS[2], ARGV[1], ARGV[2] .. ':' .. ARGV[3])
  redis.call('ZADD', KEYS[1], 'XX', int(now + tonumber(ARGV[4])), ARGV[1])
end
return {}`,
);

/** Calls to make, in the shard of their device, so that they outlive whoever wanted to make them. */
export function makeConnectorCalls(
  deps: ProductStoreDeps & { readonly meta: { readonly shardCount: number } },
): ConnectorCalls {
  const { shardCount } = deps.meta;
  let isUsed = false;
  const keysOf = (shard: number) => [`otau:{s${shard}}:calls`, `otau:{s${shard}}:callfacts`];
  const shardOfRef = ({ productId, identity }: DeviceRef) => shardOf(productId, identity, shardCount);
  const memberOf = ({ productId, identity }: DeviceRef) => `${productId}/${identity}`;

  async function settle(call: ConnectorCall, failures: number, outcome: number | "done"): Promise<void> {
    const { ref, timestampUs } = call;
    const args = [memberOf(ref), timestampUs, failures, outcome];
    await runProductScript(deps, settleCall, keysOf(shardOfRef(ref)), args);
  }

  return {
    async expect(values, delayMs, options = {}) {
      if (values.length === 0) return;
      if (!isUsed) await deps.redis.hset(metaKey, usedField, "true");
      isUsed = true;
      const byShard = Map.groupBy(values, ({ ref }) => shardOfRef(ref));
      const send = async ([shard, group]: [number, typeof values]) => {
        const pairs = group.flatMap(({ ref, timestampUs }) => [memberOf(ref), timestampUs]);
        const mode = options.onlyMissing ? "NX" : "LT";
        await runProductScript(deps, expectCalls, keysOf(shard), [delayMs, mode, ...pairs]);
      };
      await Promise.all([...byShard].map(send));
    },
    async any() {
      isUsed ||= (await deps.redis.hexists(metaKey, usedField)) === 1;
      return isUsed;
    },
    async claim(shard, limit, leaseMs) {
      const reply = await runProductScript(deps, claimCalls, keysOf(shard), [limit, leaseMs]);
      return Array.from({ length: reply.length / 2 }, (_, index) =>
        readCall(reply[index * 2] ?? "", reply[index * 2 + 1] ?? ""),
      );
    },
    done: (call) => settle(call, 0, "done"),
    postpone: (call, failures, delayMs) => settle(call, failures, Math.round(delayMs)),
  };
}

function readCall(member: string, facts: string): ConnectorCall {
  const slash = member.indexOf("/");
  const [timestampUs = "0", failures = "0"] = facts.split(":");
  return {
    ref: { productId: member.slice(0, slash), identity: member.slice(slash + 1) },
    timestampUs: Number(timestampUs),
    failures: Number(failures),
  };
}
