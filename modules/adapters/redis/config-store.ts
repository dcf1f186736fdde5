import type { ConfigStore } from "../../usecases/ports-scripting.ts";
import { withStoreErrors } from "./connection.ts";
import { type ProductStoreDeps, productScript, runProductScript } from "./product-scripts.ts";

/** Hash: service to its parameters as JSON text. */
const parametersKey = "otau:{config}:parameters";

/** KEYS: parameters. ARGV: service, text before (empty = none), text after. */
const replaceParameters = productScript(
  "replaceParameters",
  `
typed({ 'hash' })
local present = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if present ~= ARGV[2] then return { 'changed' } end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return { 'replaced' }`,
);

/** Parameters of services that scripts changed. */
export function makeConfigStore(deps: ProductStoreDeps): ConfigStore {
  const { redis } = deps;
  return {
    all: async () => new Map(Object.entries(await withStoreErrors(() => redis.hgetall(parametersKey)))),
    get: async (service) => (await withStoreErrors(() => redis.hget(parametersKey, service))) ?? undefined,
    async replace(service, before, after) {
      const args = [service, before ?? "", after];
      const [outcome] = await runProductScript(deps, replaceParameters, [parametersKey], args);
      return outcome === "replaced";
    },
  };
}
