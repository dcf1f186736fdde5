import type { PaceSample } from "../../otau/pace.ts";
import { withStoreErrors } from "./connection.ts";
import { productKeys } from "./product-keys.ts";
import type { ProductStoreDeps } from "./product-scripts.ts";

/** Samples that are kept, and how far they stand apart: more than the time over which a pace is taken. */
const samplesMax = 36;
const apartMs = 10_000;

/**
 * Lua: adds a sample of the totals that are told. The last sample is always the latest; those before it stand well
 * apart. Values of `key`: `<time>:<finals> …`, oldest first.
 */
export const addPaceSample = `
local function addPaceSample(key, finals, keptMs)
  local samples, times = {}, {}
  for sample, at in string.gmatch(redis.call('GET', key) or '', '((%d+):%d+)') do
    samples[#samples + 1], times[#times + 1] = sample, tonumber(at)
  end
  local count = #samples
  if count >= 2 and times[count] - times[count - 1] < ${apartMs} then count = count - 1 end
  samples[count + 1] = int(now) .. ':' .. finals
  local from = math.max(1, count + 2 - ${samplesMax})
  redis.call('SET', key, table.concat(samples, ' ', from, count + 1), 'PX', keptMs)
end
`;

/** The samples of a deployment's pace, oldest first. */
export function makeReadPace({ redis }: ProductStoreDeps) {
  return async function readPace(productId: string, deploymentId: string): Promise<PaceSample[]> {
    const text = await withStoreErrors(() => redis.get(productKeys.pace(productId, deploymentId)));
    if (text === null || text === "") return [];
    return text.split(" ").map((sample) => {
      const [at, finals] = sample.split(":");
      return { at: Number(at), finals: Number(finals) };
    });
  };
}
