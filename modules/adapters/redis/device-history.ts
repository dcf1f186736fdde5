import type { HistoryLine } from "../../otau/model.ts";
import type { DeviceRef } from "../../usecases/ports.ts";
import { decodeLine } from "./line-codec.ts";
import { inlineScript, runScript } from "./scripts.ts";
import { keysOfShard, type StoreContext, shardNumberOf } from "./store-context.ts";
import { uidOf } from "./uid.ts";

/**
 * The last line of the list has the device's highest seq, so places follow from seqs.
 * ARGV: seq after which to go on or '', how many, asc or desc. Answers ordinal, whether there are more, lines in order.
 */
const readLines = inlineScript(
  "read history",
  `local device = redis.call('HMGET', KEYS[1], 'o', 'h')
if not device[1] then return {} end
local last = tonumber(device[2] or '0')
local length = redis.call('LLEN', KEYS[2])
local first = last - length + 1
local limit = tonumber(ARGV[2])
local from, to
if ARGV[3] == 'asc' then
  from = ARGV[1] == '' and first or math.max(first, tonumber(ARGV[1]) + 1)
  to = math.min(last, from + limit - 1)
else
  to = ARGV[1] == '' and last or math.min(last, tonumber(ARGV[1]) - 1)
  from = math.max(first, to - limit + 1)
end
local more = 0
if to >= from and ((ARGV[3] == 'asc' and to < last) or (ARGV[3] == 'desc' and from > first)) then more = 1 end
local lines = {}
if to >= from then lines = redis.call('LRANGE', KEYS[2], from - first, to - first) end
return { device[1], more, lines }`,
);

/** A page of history; undefined for an identity that never was, or is forgotten. */
export type HistoryPage = { lines: HistoryLine[]; uid: string; next?: number };

/** Lines of a device, or of a deleted one while its tombstone stands. `after` is the seq that was read last. */
export async function readHistory(
  context: StoreContext,
  { productId, identity }: DeviceRef,
  page: { after?: number; limit: number; order: "asc" | "desc" },
): Promise<HistoryPage | undefined> {
  const shard = shardNumberOf(context, productId, identity);
  const keys = keysOfShard(context, shard);
  const reply = await runScript(
    context.redis,
    readLines,
    [keys.device(productId, identity), keys.history(productId, identity)],
    [page.after ?? "", page.limit, page.order],
  );
  const [ordinal, more, texts] = reply as [string?, number?, string[]?];
  if (ordinal === undefined || texts === undefined) return undefined;
  const lines = texts.map(decodeLine);
  if (page.order === "desc") lines.reverse();
  const last = lines.at(-1);
  const uid = uidOf(shard, Number(ordinal));
  return more === 1 && last !== undefined ? { lines, uid, next: last.seq } : { lines, uid };
}
