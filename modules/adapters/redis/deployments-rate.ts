import type { Ms } from "../../otau/model.ts";
import { productKeys } from "./product-keys.ts";
import { type ProductStoreDeps, productScript, runProductScript } from "./product-scripts.ts";

/**
 * Two rules at once. Places stand on a line with even spacing, and a taker that comes late may take what fell due in
 * the last 500 ms: that keeps the average exact. And no window of a second and a little more gives out more than
 * ⌈rate/60⌉ + 1: the little more leaves room for writes that follow their places unevenly.
 * KEYS: what was taken, as `<place on the line> <time>:<count> …`. ARGV: rate per minute, places wanted.
 * Answers `{ granted, time when the next one comes free, now }`.
 */
const takePlaces = productScript(
  "takePlaces",
  `
typed({ 'string' })
local rate, want = tonumber(ARGV[1]), tonumber(ARGV[2])
local spacing, perSecond, lateMax = 60000 / rate, math.ceil(rate / 60), 500
local window = 1000 + 500 / perSecond
local last, recent, taken = now - spacing, {}, 0
local state = redis.call('GET', KEYS[1])
if state then
  last = tonumber(string.match(state, '^(%S+)'))
  for at, count in string.gmatch(state, '(%d+):(%d+)') do
    -- A time far ahead of now comes from a clock that was set back: it counts no longer.
    if math.abs(now - tonumber(at)) < window then
      recent[#recent + 1] = { tonumber(at), tonumber(count) }
      taken = taken + tonumber(count)
    end
  end
end
if last > now + spacing then last = now end
if last < now - spacing - lateMax then last = now - spacing - lateMax end
local due = math.floor((now - last) / spacing + 1e-6)
local granted = math.max(0, math.min(want, due, perSecond + 1 - taken))
if granted > 0 then
  last = last + granted * spacing
  recent[#recent + 1] = { now, granted }
  local parts = { string.format('%.6f', last) }
  for i = 1, #recent do parts[i + 1] = int(recent[i][1]) .. ':' .. recent[i][2] end
  redis.call('SET', KEYS[1], table.concat(parts, ' '), 'PX', int(math.max(60000, math.ceil(2 * spacing))))
end
local nextAt = last + spacing
if taken + granted > perSecond then nextAt = math.max(nextAt, recent[1][1] + window) end
return { granted, int(math.max(now, math.ceil(nextAt))), int(now) }`,
);

/** Places in a deployment's rate for up to `want` writes now. */
export async function takeDeploymentRate(
  deps: ProductStoreDeps,
  productId: string,
  deploymentId: string,
  ratePerMinute: number,
  want: number,
): Promise<{ granted: number; nextAt: Ms; at: Ms }> {
  const keys = [productKeys.rate(productId, deploymentId)];
  const [granted, nextAt, at] = await runProductScript(deps, takePlaces, keys, [ratePerMinute, want]);
  return { granted: Number(granted), nextAt: Number(nextAt), at: Number(at) };
}
