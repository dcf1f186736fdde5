import type { DueTimer, TimerStore } from "../../usecases/ports-scripting.ts";
import { withStoreErrors } from "./connection.ts";
import { type ProductStoreDeps, productScript, runProductScript } from "./product-scripts.ts";

/** Sorted set: timer ids by when they are due, or when the lease of their firing runs out. */
const dueKey = "otau:{timers}:due";
/** Hash: id to `lease at duration interval tries product`, separated by spaces; `at` = the time it is meant for. */
const factsKey = "otau:{timers}:facts";
/** Hash: id to message, a JSON text. */
const messagesKey = "otau:{timers}:messages";
/** Counter: names of leases. A lease is never given twice. */
const leasesKey = "otau:{timers}:leases";
const keys = [dueKey, factsKey, messagesKey, leasesKey];

/** After the product prelude: a timer's facts read and written. KEYS as above. */
const common = `
typed({ 'zset', 'hash', 'hash', 'string' })
local function read(id)
  local text = redis.call('HGET', KEYS[2], id)
  if not text then return nil end
  local lease, at, duration, interval, tries, product =
    string.match(text, '^(%S+) (%S+) (%S+) (%S+) (%S+) (.*)$')
  return { lease = lease, at = tonumber(at), duration = tonumber(duration), interval = interval,
    tries = tonumber(tries), product = product }
end
local function write(id, t)
  redis.call('HSET', KEYS[2], id, table.concat(
    { t.lease, int(t.at), int(t.duration), t.interval, int(t.tries), t.product }, ' '))
end
local function forget(id)
  redis.call('ZREM', KEYS[1], id)
  redis.call('HDEL', KEYS[2], id)
  redis.call('HDEL', KEYS[3], id)
end
local function newLease() return int(redis.call('INCR', KEYS[4])) end
`;

const timerScript = (name: string, lua: string) => productScript(name, common + lua);

/** ARGV: id, message, duration, interval or once, product, most timers. */
const setTimer = timerScript(
  "setTimer",
  `
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 0 and redis.call('HLEN', KEYS[2]) >= tonumber(ARGV[6]) then
  return { 'full' }
end
local at = now + tonumber(ARGV[3])
redis.call('HSET', KEYS[3], ARGV[1], ARGV[2])
write(ARGV[1], { lease = newLease(), at = at, duration = tonumber(ARGV[3]), interval = ARGV[4], tries = 0,
  product = ARGV[5] })
redis.call('ZADD', KEYS[1], int(at), ARGV[1])
return { 'set' }`,
);

/** ARGV: id. */
const cancelTimer = timerScript(
  "cancelTimer",
  `
local was = redis.call('HEXISTS', KEYS[2], ARGV[1])
forget(ARGV[1])
return { was }`,
);

/** The counter of leases stays: a firing under way must not settle a timer that is set after this. */
const cancelTimers = timerScript(
  "cancelTimers",
  `
local count = redis.call('HLEN', KEYS[2])
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
return { count }`,
);

/** ARGV: how many, lease in milliseconds. Answers id, lease, tries, product, message of each. */
const claimTimers = timerScript(
  "claimTimers",
  `
local answer = {}
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', int(now), 'LIMIT', 0, ARGV[1])
for _, id in ipairs(ids) do
  local t = read(id)
  local message = redis.call('HGET', KEYS[3], id)
  if t and message then
    local tries = t.tries
    t.lease = newLease()
    t.tries = tries + 1
    write(id, t)
    redis.call('ZADD', KEYS[1], int(now + tonumber(ARGV[2])), id)
    for _, part in ipairs({ id, t.lease, int(tries), t.product, message }) do answer[#answer + 1] = part end
  else
    forget(id)
  end
end
return answer`,
);

/** ARGV: id, lease, milliseconds. */
const deferTimer = timerScript(
  "deferTimer",
  `
local t = read(ARGV[1])
if not t or t.lease ~= ARGV[2] then return { 'lost' } end
redis.call('ZADD', KEYS[1], int(now + tonumber(ARGV[3])), ARGV[1])
return { 'held' }`,
);

/** ARGV: id, lease. The next time is counted from the last one, not from now: an interval keeps its pace. */
const settleTimer = timerScript(
  "settleTimer",
  `
local t = read(ARGV[1])
if not t or t.lease ~= ARGV[2] then return { 'lost' } end
if t.interval ~= 'interval' then
  forget(ARGV[1])
  return { 'gone' }
end
local missed = math.floor(math.max(0, now - t.at) / t.duration)
t.at = t.at + (missed + 1) * t.duration
t.tries = 0
t.lease = newLease()
write(ARGV[1], t)
redis.call('ZADD', KEYS[1], int(t.at), ARGV[1])
return { 'waits' }`,
);

const factsOf = 5;

/** Timers of scripts, all in one slot. Their number is bounded, so that one slot is enough. */
export function makeTimerStore(deps: ProductStoreDeps): TimerStore {
  const { redis } = deps;
  const run = (script: typeof setTimer, ...args: readonly (string | number)[]) =>
    runProductScript(deps, script, keys, args);

  return {
    async set({ id, messageText, durationMs, isInterval, productId }, timersMax) {
      const kind = isInterval ? "interval" : "once";
      const [outcome] = await run(setTimer, id, messageText, durationMs, kind, productId, timersMax);
      return outcome === "set";
    },
    cancel: async (id) => (await run(cancelTimer, id))[0] === "1",
    cancelAll: async () => Number((await run(cancelTimers))[0]),
    list: () => withStoreErrors(() => redis.zrange(dueKey, "0", "-1")),
    claim: async (limit, leaseMs) => readClaimed(await run(claimTimers, limit, leaseMs)),
    extend: async ({ id, lease }, leaseMs) => void (await run(deferTimer, id, lease, leaseMs)),
    postpone: async ({ id, lease }, delayMs) => void (await run(deferTimer, id, lease, delayMs)),
    settle: async ({ id, lease }) => void (await run(settleTimer, id, lease)),
    async nextAt() {
      const [, score] = await withStoreErrors(() => redis.zrange(dueKey, "0", "0", "WITHSCORES"));
      return score === undefined ? undefined : Number(score);
    },
  };
}

function readClaimed(flat: readonly string[]): DueTimer[] {
  const claimed: DueTimer[] = [];
  for (let at = 0; at + factsOf <= flat.length; at += factsOf) {
    const [id = "", lease = "", tries = "", productId = "", messageText = ""] = flat.slice(at, at + factsOf);
    claimed.push({ id, lease, tries: Number(tries), productId, messageText });
  }
  return claimed;
}
