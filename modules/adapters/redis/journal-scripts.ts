import { productScript } from "./product-scripts.ts";

/**
 * Appends a lot if both the journal and the source are where the caller saw them.
 * KEYS: journal, head. ARGV: field of the source's position, position seen, new position, number seen, digest seen,
 * new number, new digest, the lot's text ('' = none). Answers `{ "moved" }` or `{ "lost" }`.
 */
export const appendToJournal = productScript(
  "appendToJournal",
  `
typed({ 'stream', 'hash' })
local r = redis.call('HMGET', KEYS[2], 'n', 'digest', ARGV[1])
if (r[1] or '0') ~= ARGV[4] or (r[2] or '') ~= ARGV[5] or (r[3] or '0-0') ~= ARGV[2] then return { 'lost' } end
if ARGV[8] ~= '' then
  -- A lot is named by its last line; its digest lets a chain be checked from there on when its begin is gone.
  -- First of the writes, as the server refuses a name that is not beyond the last one.
  redis.call('XADD', KEYS[1], ARGV[6] .. '-0', 'lines', ARGV[8], 'digest', ARGV[7])
end
redis.call('HSET', KEYS[2], 'n', ARGV[6], 'digest', ARGV[7], ARGV[1], ARGV[3])
return { 'moved' }`,
);

/**
 * Takes a product off the list of those with lines, if its log ends where the journal has come.
 * KEYS: the shard's list, the product's log. ARGV: product, position.
 */
export const forgetLog = productScript(
  "forgetLog",
  `
typed({ 'set', 'stream' })
local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
if last and last[1] ~= ARGV[2] then return { 'more' } end
redis.call('SREM', KEYS[1], ARGV[1])
return { 'forgotten' }`,
);

/** Entries beyond a position; of a long log its whole length. KEYS: log. ARGV: position. */
export const countBeyond = productScript(
  "countBeyond",
  `
typed({ 'stream' })
local found = #redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', 1001)
if found > 1000 then found = redis.call('XLEN', KEYS[1]) end
return { found }`,
);

/** Trims what is relayed and older than so many milliseconds. KEYS: log. ARGV: position relayed, milliseconds. */
export const trimLog = productScript(
  "trimLog",
  `
typed({ 'stream' })
local serverNow = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local oldest = serverNow - tonumber(ARGV[2])
local ms, seq = string.match(ARGV[1], '^(%d+)-(%d+)$')
local threshold = int(oldest) .. '-0'
if tonumber(ms) < oldest then threshold = ms .. '-' .. int(tonumber(seq) + 1) end
return { redis.call('XTRIM', KEYS[1], 'MINID', threshold) }`,
);

/** Adds an event to a product's own log. KEYS: log. ARGV: pairs of seq and event. */
export const appendToLog = productScript(
  "appendToLog",
  `
typed({ 'stream' })
for i = 1, #ARGV, 2 do logLine(KEYS[1], ARGV[i], ARGV[i + 1]) end
return {}`,
);
