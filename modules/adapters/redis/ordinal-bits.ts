import type { Condition } from "./device-filter.ts";
import { inlineScript, runScriptForBuffers } from "./scripts.ts";
import type { OrdinalBits } from "./shard-order.ts";
import type { StoreContext } from "./store-context.ts";

/**
 * Reads sets of ordinals without writing anything: a list must not wait for the disk. KEYS: the sets.
 * Answers per set a bitmap, or its few members.
 */
const readSets = inlineScript(
  "read sets of ordinals",
  `local reply = {}
for key = 1, #KEYS do
  local kind = redis.call('TYPE', KEYS[key])
  if type(kind) == 'table' then kind = kind.ok end
  if kind == 'string' then
    reply[key] = redis.call('GET', KEYS[key])
  elseif kind == 'set' then
    reply[key] = redis.call('SMEMBERS', KEYS[key])
  else
    reply[key] = {}
  end
end
return reply`,
);

type SetReply = Buffer | readonly Buffer[];

/** Which ordinals of a shard meet all conditions, and which there are; read in one moment. */
export async function readMatching(
  context: StoreContext,
  allKey: string,
  conditions: readonly Condition[],
): Promise<{ readonly all: OrdinalBits; readonly matching: OrdinalBits }> {
  const keys = [allKey, ...conditions.flatMap(({ sets }) => sets)];
  const replies = (await runScriptForBuffers(context.redis, readSets, keys, [])) as readonly SetReply[];
  const sets = replies.map(toBits);
  const all = sets[0] ?? new Uint8Array();
  const matching = Uint8Array.from(all);
  let at = 1;
  for (const { positive, sets: names, bits } of conditions) {
    const mine = sets.slice(at, at + names.length);
    at += names.length;
    keepThose(matching, bits === undefined ? mine : [...mine, bits], positive);
  }
  return { all, matching };
}

function toBits(reply: SetReply): OrdinalBits {
  if (Buffer.isBuffer(reply)) return reply;
  const ordinals = reply.map(Number);
  const bits = new Uint8Array(ordinals.length === 0 ? 0 : (Math.max(...ordinals) >> 3) + 1);
  for (const ordinal of ordinals) bits[ordinal >> 3] = (bits[ordinal >> 3] ?? 0) | (128 >> (ordinal & 7));
  return bits;
}

/** Leaves what is in one of the sets, or (not `positive`) in none of them. */
function keepThose(bits: Uint8Array, sets: readonly OrdinalBits[], positive: boolean): void {
  for (let byte = 0; byte < bits.length; byte++) {
    let union = 0;
    for (const set of sets) union |= set[byte] ?? 0;
    bits[byte] = (bits[byte] ?? 0) & (positive ? union : ~union);
  }
}

/** The ordinals in `bits` that are not in `without`, at most so many. */
export function ordinalsIn(bits: OrdinalBits, without: OrdinalBits, most: number): number[] {
  const ordinals: number[] = [];
  for (let byte = 0; byte < bits.length; byte++) {
    let left = (bits[byte] ?? 0) & ~(without[byte] ?? 0);
    for (let ordinal = byte * 8; left !== 0; ordinal++, left = (left << 1) & 255) {
      if ((left & 128) === 0) continue;
      ordinals.push(ordinal);
      if (ordinals.length >= most) return ordinals;
    }
  }
  return ordinals;
}

/** How many ordinals of `bits` are not in `without`. */
export function countBits(bits: OrdinalBits, without: OrdinalBits = noBits): number {
  let count = 0;
  for (let byte = 0; byte < bits.length; byte++) {
    let left = (bits[byte] ?? 0) & ~(without[byte] ?? 0);
    for (; left !== 0; left &= left - 1) count++;
  }
  return count;
}

export const noBits: OrdinalBits = new Uint8Array();
