import { finalsIn } from "../../otau/pace.ts";
import type { TellTotals } from "../../usecases/ports.ts";
import { addPaceSample } from "./deployment-pace.ts";
import { productKeys } from "./product-keys.ts";
import { type ProductStoreDeps, productScript, runProductScript } from "./product-scripts.ts";

/** At most one line per deployment in this time. */
const pauseMs = 1000;
/** What was told last is remembered for this long. */
const keptMs = 86_400_000;

/**
 * Adds a line with a deployment's totals, unless they are what was told last, or that was a moment ago.
 * KEYS: what was told last, log, samples of the pace. ARGV: totals, event, pause, how long to remember, finals. Answers `{ outcome }`.
 */
const tellTotals = productScript(
  "tellTotals",
  `${addPaceSample}
typed({ 'string', 'stream', 'string' })
local told = redis.call('GET', KEYS[1])
if told then
  local at, totals = string.match(told, '^(%d+) (.*)$')
  if totals == ARGV[1] then return { 'same' } end
  local since = now - tonumber(at)
  if since >= 0 and since < tonumber(ARGV[3]) then return { 'early' } end
end
logLine(KEYS[2], 0, ARGV[2])
redis.call('SET', KEYS[1], int(now) .. ' ' .. ARGV[1], 'PX', ARGV[4])
addPaceSample(KEYS[3], ARGV[5], ARGV[4])
return { 'told' }`,
);

/** Writes `deployment.totals` lines, at most one a second for each deployment, whoever tells. */
export function makeTellTotals(deps: ProductStoreDeps): TellTotals {
  return async ({ productId, id, packageId, version, revision }, totals) => {
    const event = {
      type: "deployment.totals",
      deploymentId: id,
      ...(packageId === "" ? {} : { packageId }),
      version,
      totals,
      actor: { kind: "system", id: "conduct" },
      revision,
    };
    const [outcome] = await runProductScript(
      deps,
      tellTotals,
      [productKeys.toldTotals(productId, id), productKeys.log(productId), productKeys.pace(productId, id)],
      [JSON.stringify(totals), JSON.stringify(event), pauseMs, keptMs, finalsIn(totals)],
    );
    return outcome as Awaited<ReturnType<TellTotals>>;
  };
}
