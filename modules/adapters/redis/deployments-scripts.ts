import { productScript } from "./product-scripts.ts";

/**
 * The commit point of an apply.
 * KEYS: deployment, counters, all by seq, its state by seq, its package's by seq, open by seq, the package's open
 * ones, prepared, items, log and, with an idempotency key, that answer.
 * ARGV: id, immutable part, mutable part, state, package, package revision, whether it is an apply (its package and
 * preparation are checked), seq that the answer was made for ('' = any), event, then digest, answer, times to keep it.
 * Answers `{ "accepted" | "exists", rev, gen, seq, immutable, mutable }` or `{ why not, number? }`.
 */
export const acceptDeployment = productScript(
  "acceptDeployment",
  `
typed({ 'hash', 'hash', 'zset', 'zset', 'zset', 'zset', 'set', 'zset', 'hash', 'stream', 'hash' })
local id, isApply = ARGV[1], ARGV[7] == '1'
if redis.call('EXISTS', KEYS[1]) == 1 then
  local r = redis.call('HMGET', KEYS[1], 'rev', 'gen', 'seq', 'im', 'mu')
  return { 'exists', r[1], r[2], r[3], r[4], r[5] }
end
if isApply then
  local since = redis.call('ZSCORE', KEYS[8], id)
  if not since or tonumber(since) < 0 then return { 'notPrepared' } end
  local item = redis.call('HGET', KEYS[9], ARGV[5])
  local rev, seq, withdrawn = nil, '-', '-'
  if item then rev, seq, withdrawn = string.match(item, '^(%S+) (%S+) %S+ %S+ (%S+)') end
  if seq == '-' then return { 'noPackage' } end
  if withdrawn ~= '-' then return { 'withdrawn' } end
  if rev ~= ARGV[6] then return { 'changed', rev } end
end
local seq = tonumber(redis.call('HGET', KEYS[2], 'deployment') or '0') + 1
if ARGV[8] ~= '' and tonumber(ARGV[8]) ~= seq then return { 'otherSeq', int(seq) } end
seq = int(seq)
redis.call('HSET', KEYS[2], 'deployment', seq)
redis.call('HSET', KEYS[1], 'rev', '1', 'gen', '1', 'seq', seq, 'im', ARGV[2], 'mu', ARGV[3],
  'pkg', ARGV[5], 'apply', ARGV[7])
redis.call('ZADD', KEYS[3], seq, id)
redis.call('ZADD', KEYS[4], seq, id)
redis.call('ZADD', KEYS[5], seq, id)
redis.call('ZADD', KEYS[6], seq, id)
redis.call('SADD', KEYS[7], id)
if KEYS[11] then
  redis.call('HSET', KEYS[11], 'digest', ARGV[10], 'id', id, 'reply', ARGV[11], 'until', int(now + tonumber(ARGV[12])))
  redis.call('PEXPIRE', KEYS[11], ARGV[12])
end
logLine(KEYS[10], '1', ARGV[9])
redis.call('ZREM', KEYS[8], id)
return { 'accepted', '1', '1', seq, ARGV[2], ARGV[3] }`,
);

/**
 * Changes a deployment that still has the revision.
 * KEYS: deployment, its present state by seq, its next state by seq, open by seq, the package's open ones, log.
 * ARGV: id, revision, mutable part, whether it is open, whether the generation rises, event.
 * Answers `{ "changed", rev, gen }` or `{ "stale" }`.
 */
export const updateDeployment = productScript(
  "updateDeployment",
  `
typed({ 'hash', 'zset', 'zset', 'zset', 'set', 'stream' })
local id = ARGV[1]
local r = redis.call('HMGET', KEYS[1], 'rev', 'gen', 'seq')
if r[1] ~= ARGV[2] then return { 'stale' } end
local rev, gen = int(tonumber(r[1]) + 1), r[2]
if ARGV[5] == '1' then gen = int(tonumber(gen) + 1) end
redis.call('HSET', KEYS[1], 'rev', rev, 'gen', gen, 'mu', ARGV[3])
if ARGV[4] == '1' then
  redis.call('ZADD', KEYS[4], r[3], id)
  redis.call('SADD', KEYS[5], id)
end
redis.call('ZADD', KEYS[3], r[3], id)
logLine(KEYS[6], rev, ARGV[6])
if KEYS[2] ~= KEYS[3] then redis.call('ZREM', KEYS[2], id) end
if ARGV[4] ~= '1' then
  redis.call('ZREM', KEYS[4], id)
  redis.call('SREM', KEYS[5], id)
end
return { 'changed', rev, gen }`,
);

/** Notes a preparation; one that is condemned stays so. KEYS: prepared. ARGV: id. */
export const prepareDeployment = productScript(
  "prepareDeployment",
  `
typed({ 'zset' })
redis.call('ZADD', KEYS[1], 'NX', int(now), ARGV[1])
return { redis.call('ZSCORE', KEYS[1], ARGV[1]) }`,
);

/**
 * Condemns what was prepared too long ago and names all that is condemned: from here on it cannot be accepted, so
 * that it may be taken from the devices. KEYS: prepared. ARGV: age in milliseconds, how many at most.
 */
export const condemnPrepared = productScript(
  "condemnPrepared",
  `
typed({ 'zset' })
local old = redis.call('ZRANGEBYSCORE', KEYS[1], '(0', now - tonumber(ARGV[1]), 'LIMIT', 0, ARGV[2])
for i = 1, #old do redis.call('ZADD', KEYS[1], -now, old[i]) end
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(0', 'LIMIT', 0, ARGV[2])`,
);

/**
 * Reads deployments. KEYS: withdrawn packages, then the deployments. ARGV: per deployment "1" where the fixed part is
 * wanted. Answers per deployment rev ('' = there is none), gen, seq, mutable part, whether withdrawn, fixed part.
 */
export const readDeployments = productScript(
  "readDeployments",
  `
local reply = {}
for i = 2, #KEYS do
  local r = redis.call('HMGET', KEYS[i], 'rev', 'gen', 'seq', 'mu', 'pkg', 'apply', ARGV[i - 1] == '1' and 'im' or 'none')
  -- What a device was told directly is no apply of the package: withdrawing the package does not call it off.
  local withdrawn = r[6] == '1' and redis.call('HEXISTS', KEYS[1], r[5]) == 1
  local at = #reply
  reply[at + 1], reply[at + 2], reply[at + 3], reply[at + 4] = r[1] or '', r[2] or '', r[3] or '', r[4] or ''
  reply[at + 5], reply[at + 6] = withdrawn and '1' or '', r[7] or ''
end
return reply`,
);
