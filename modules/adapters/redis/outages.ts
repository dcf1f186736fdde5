import type { Outage } from "../../otau/model.ts";
import type { OutageStore } from "../../usecases/ports.ts";
import { type ProductStoreDeps, productScript, runProductScript } from "./product-scripts.ts";

const beatKey = "otau:{outages}:beat";
const listKey = "otau:{outages}:list";
/** Beats come every 500 ms; listeners that are silent for this long are down. */
const silentAfterMs = 2000;
const keptMax = 20;
const keptForMs = 86_400_000;

/**
 * How long the beats have been silent is measured by the server's own time: a test that moves the store's clock ahead
 * causes no outage. Where it lies is told on the store's clock, by which deadlines are judged.
 */
const silence = `
typed({ 'string', 'list' })
local serverNow = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local last = tonumber(redis.call('GET', KEYS[1]) or serverNow)
local silentMs = serverNow - last
local isSilent = silentMs > tonumber(ARGV[1])
`;

/** KEYS: last beat, outages. ARGV: silence that counts, how many are kept. */
const beatOnce = productScript(
  "beatOnce",
  `${silence}
if isSilent then
  redis.call('RPUSH', KEYS[2], int(now - silentMs) .. ' ' .. int(now))
  redis.call('LTRIM', KEYS[2], -tonumber(ARGV[2]), -1)
end
redis.call('SET', KEYS[1], int(serverNow))
return {}`,
);

/** KEYS: last beat, outages. ARGV: silence that counts. Answers now, the begin of one that goes on (or ''), the list. */
const readOutages = productScript(
  "readOutages",
  `${silence}
local reply = redis.call('LRANGE', KEYS[2], 0, -1)
table.insert(reply, 1, isSilent and int(now - silentMs) or '')
table.insert(reply, 1, int(now))
return reply`,
);

/** KEYS: last beat, outages. ARGV: silence that counts, how many are kept, from, to. The same one twice is one. */
const recordOutage = productScript(
  "recordOutage",
  `
typed({ 'string', 'list' })
local line = ARGV[3] .. ' ' .. ARGV[4]
for _, known in ipairs(redis.call('LRANGE', KEYS[2], 0, -1)) do
  if known == line then return {} end
end
redis.call('RPUSH', KEYS[2], line)
redis.call('LTRIM', KEYS[2], -tonumber(ARGV[2]), -1)
return {}`,
);

/** Times in which no device listener was up, told by their beats; the newest 20 of the last day. */
export function makeOutageStore(deps: ProductStoreDeps): OutageStore {
  const keys = [beatKey, listKey];
  return {
    async beat() {
      await runProductScript(deps, beatOnce, keys, [silentAfterMs, keptMax]);
    },
    async outages() {
      const [now, ongoingFrom, ...lines] = await runProductScript(deps, readOutages, keys, [silentAfterMs]);
      const recent = lines.map(readLine).filter(({ to }) => to > Number(now) - keptForMs);
      return ongoingFrom ? [...recent, { from: Number(ongoingFrom) }] : recent;
    },
    async record({ from, to }) {
      // One that goes on is told by the silence itself.
      if (to === undefined) return;
      await runProductScript(deps, recordOutage, keys, [silentAfterMs, keptMax, from, to]);
    },
  };
}

function readLine(line: string): Outage & { readonly to: number } {
  const [from, to] = line.split(" ");
  return { from: Number(from), to: Number(to) };
}
