import { productScript } from "./product-scripts.ts";

/** Reads and writes an item's stored text into its head fields, reason line and body. */
const readItem = `
local function readItem(text)
  if not text then return nil end
  local head, reason, body = string.match(text, '^([^\\n]*)\\n([^\\n]*)\\n(.*)$')
  local rev, seq, created, modified, withdrawn = string.match(head, '^(%S+) (%S+) (%S+) (%S+) (%S+)$')
  return { rev = rev, seq = seq, created = created, modified = modified, withdrawn = withdrawn,
    reason = reason, body = body, live = seq ~= '-' }
end
local function writeItem(item)
  return item.rev .. ' ' .. item.seq .. ' ' .. item.created .. ' ' .. item.modified .. ' ' .. item.withdrawn ..
    '\\n' .. item.reason .. '\\n' .. item.body
end
`;

/**
 * Creates or replaces an item.
 * KEYS: items, ids, packages, counters, log, product record, open deployments of the package.
 * ARGV: id, body, whether it is a package, If-Match, If-None-Match, whether the product must be there, event.
 * Answers `{ outcome, text or revision }`.
 */
export const putItem = productScript(
  "putItem",
  `${readItem}
typed({ 'hash', 'zset', 'zset', 'hash', 'stream', 'hash', 'set' })
local id, body, isPackage, ifMatch, ifNone = ARGV[1], ARGV[2], ARGV[3] == '1', ARGV[4], ARGV[5] == '1'
if ARGV[6] == '1' and redis.call('HEXISTS', KEYS[6], 'rev') == 0 then return { 'noProduct' } end
local item = readItem(redis.call('HGET', KEYS[1], id))
local live = item and item.live
if live and ifNone then return { 'mismatch', item.rev } end
if ifMatch ~= '' and (not live or ifMatch ~= item.rev) then return { 'mismatch', live and item.rev or '' } end
if live and item.body == body then return { 'unchanged', writeItem(item) } end
if live and isPackage and redis.call('SCARD', KEYS[7]) > 0 then return { 'inUse' } end
local outcome = live and 'replaced' or 'created'
if not live then
  item = { rev = item and item.rev or '0', created = int(now), withdrawn = '-', reason = '',
    seq = int(redis.call('HINCRBY', KEYS[4], 'content', 1)) }
end
item.rev = int(tonumber(item.rev) + 1)
item.modified = int(now)
item.body = body
local text = writeItem(item)
redis.call('HSET', KEYS[1], id, text)
redis.call('ZADD', KEYS[2], 0, id)
if isPackage then
  redis.call('ZADD', KEYS[3], item.seq, id)
  logLine(KEYS[5], item.rev, ARGV[7])
end
return { outcome, text }`,
);

/**
 * Hides an item. KEYS: items, ids, packages, withdrawn, log, open deployments of the package.
 * ARGV: id, whether it is a package, If-Match, If-None-Match, event. Answers `{ outcome, revision? }`.
 */
export const removeItem = productScript(
  "removeItem",
  `${readItem}
typed({ 'hash', 'zset', 'zset', 'hash', 'stream', 'set' })
local id, isPackage, ifMatch = ARGV[1], ARGV[2] == '1', ARGV[3]
local item = readItem(redis.call('HGET', KEYS[1], id))
if not item or not item.live then return { ifMatch ~= '' and 'mismatch' or 'absent', '' } end
if ARGV[4] == '1' or (ifMatch ~= '' and ifMatch ~= item.rev) then return { 'mismatch', item.rev } end
if isPackage and redis.call('SCARD', KEYS[6]) > 0 then return { 'inUse' } end
local rev = int(tonumber(item.rev) + 1)
redis.call('HSET', KEYS[1], id, rev .. ' - - - -\\n\\n')
if isPackage then logLine(KEYS[5], rev, ARGV[5]) end
redis.call('ZREM', KEYS[2], id)
redis.call('ZREM', KEYS[3], id)
redis.call('HDEL', KEYS[4], id)
return { 'removed' }`,
);

/**
 * Withdraws or restores a package and raises the generation of each open deployment of it.
 * KEYS: items, withdrawn, log, open deployments of the package, then one per open deployment.
 * ARGV: id, "1" to withdraw, reason as JSON, event, then the deployments' ids in the order of their keys.
 * Answers `{ "again" }` when the open deployments are others by now, else `{ "done", text, id, generation, … }`: the
 * generations also when nothing changed, as an earlier caller may have died before it fenced the shards.
 */
export const withdrawItem = productScript(
  "withdrawItem",
  `${readItem}
local wanted = { 'hash', 'hash', 'stream', 'set' }
for i = 5, #KEYS do wanted[i] = 'hash' end
typed(wanted)
local id, withdraw = ARGV[1], ARGV[2] == '1'
local item = readItem(redis.call('HGET', KEYS[1], id))
if not item or not item.live then return { 'absent' } end
if redis.call('SCARD', KEYS[4]) ~= #KEYS - 4 then return { 'again' } end
for i = 5, #KEYS do
  if redis.call('SISMEMBER', KEYS[4], ARGV[i]) == 0 then return { 'again' } end
end
local changes = (item.withdrawn ~= '-') ~= withdraw or (withdraw and item.reason ~= ARGV[3])
if changes then
  item.rev = int(tonumber(item.rev) + 1)
  item.withdrawn = withdraw and int(now) or '-'
  item.reason = withdraw and ARGV[3] or ''
  redis.call('HSET', KEYS[1], id, writeItem(item))
  logLine(KEYS[3], item.rev, ARGV[4])
  if withdraw then redis.call('HSET', KEYS[2], id, item.withdrawn) else redis.call('HDEL', KEYS[2], id) end
end
local reply = { 'done', writeItem(item) }
for i = 5, #KEYS do
  if changes then
    redis.call('HINCRBY', KEYS[i], 'rev', 1)
    redis.call('HINCRBY', KEYS[i], 'gen', 1)
  end
  reply[#reply + 1] = ARGV[i]
  reply[#reply + 1] = redis.call('HGET', KEYS[i], 'gen')
end
return reply`,
);

/** Names of the packages with open deployments. KEYS: open deployments per package. ARGV: the packages. */
export const packagesWithOpen = productScript(
  "packagesWithOpen",
  `
local found = {}
for i = 1, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 1 then found[#found + 1] = ARGV[i] end
end
return found`,
);
