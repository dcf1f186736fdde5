import type { StoreClock } from "./clock.ts";
import { withStoreErrors } from "./connection.ts";
import { clockPrelude, inlineScript, type RedisConnection, runScript, type Script } from "./scripts.ts";

/** What every store of this folder's product side works with. */
export type ProductStoreDeps = { readonly redis: RedisConnection; readonly clock: StoreClock };

/**
 * After the clock: `ARGV` without the clock's offset; `int(n)`, a whole number as text; `typed(types)`, which
 * fails before anything is written when the key at that place holds another type (Redis does not roll back); and
 * `logLine`, which adds a line to the product's outbox.
 */
const prelude = `local given = ARGV
local ARGV = {}
for i = 2, #given do ARGV[i - 1] = given[i] end
local function int(n) return string.format('%.0f', n) end
local function typed(types)
  for i = 1, math.min(#types, #KEYS) do
    local found = redis.call('TYPE', KEYS[i])['ok']
    if found ~= 'none' and found ~= types[i] then
      error('WRONGTYPE ' .. KEYS[i] .. ' holds a ' .. found .. ', not a ' .. types[i])
    end
  end
end
local function logLine(key, seq, event)
  redis.call('XADD', key, '*', 'at', int(now), 'seq', seq, 'event', event)
end
`;

/** A script of a product's slot (or another single slot). Its writes that need memory come before those that free it. */
export function productScript(name: string, lua: string): Script {
  return inlineScript(name, `${clockPrelude}${prelude}${lua}`);
}

/** Runs it; the answer is a list of texts. STORE_UNAVAILABLE when the outcome is unknown. */
export async function runProductScript(
  { redis, clock }: ProductStoreDeps,
  script: Script,
  keys: readonly string[],
  args: readonly (string | number)[],
): Promise<readonly string[]> {
  const reply = await withStoreErrors(() => runScript(redis, script, keys, [clock.offsetMs(), ...args]));
  if (!Array.isArray(reply)) throw new Error(`${script.name} answered ${typeof reply} instead of a list`);
  return reply.map((part: unknown) => (part === null ? "" : String(part)));
}
