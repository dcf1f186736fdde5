import type { DeviceRef, ResourceState } from "../../usecases/ports.ts";
import { readWithOverflow } from "./device-load.ts";
import { pieceNames, placeField } from "./fields.ts";
import { inlineScript, runScript } from "./scripts.ts";
import { dueMember, keysOfShard, type StoreContext, shardNumberOf } from "./store-context.ts";

/**
 * ARGV: command, channel and message of the hint, the command empty for none; then per field: name, number of its names in the small hash, those names, number of names and values to set there,
 * names and values, 1 and the value if it goes to the overflow hash, else 0.
 */
const writeFields = inlineScript(
  "write resources",
  `local known = redis.call('HMGET', KEYS[1], 'r', 'X')
if not known[1] or known[2] then return 0 end
local kind = redis.call('TYPE', KEYS[2])
if type(kind) == 'table' then kind = kind.ok end
if kind ~= 'none' and kind ~= 'hash' then return redis.error_reply('WRONGTYPE ' .. KEYS[2]) end
local at = 4
while at <= #ARGV do
  local name = ARGV[at]
  local names = tonumber(ARGV[at + 1])
  redis.call('HDEL', KEYS[1], unpack(ARGV, at + 2, at + 1 + names))
  redis.call('HDEL', KEYS[2], name)
  at = at + 2 + names
  local values = tonumber(ARGV[at])
  if values > 0 then redis.call('HSET', KEYS[1], unpack(ARGV, at + 1, at + values)) end
  at = at + 1 + values
  if ARGV[at] == '1' then
    redis.call('HSET', KEYS[2], name, ARGV[at + 1])
    at = at + 2
  else
    at = at + 1
  end
end
if ARGV[1] ~= '' then redis.call(ARGV[1], ARGV[2], ARGV[3]) end
return 1`,
);

/**
 * Writes resources. What a device writes stands in its field `R…`, and counts as set as well; what we set afterwards
 * stands in `S…` until the device writes again, and gateways are told of it.
 */
export async function writeDeviceResources(
  context: StoreContext,
  ref: DeviceRef,
  values: Readonly<Record<string, unknown>>,
  by: "device" | "cloud",
  timestampUs: number,
): Promise<boolean> {
  const { productId, identity } = ref;
  const keys = keysOfShard(context, shardNumberOf(context, productId, identity));
  const args: string[] = [];
  for (const [name, value] of Object.entries(values)) {
    const text = `${timestampUs},${encodeValue(value)}`;
    if (by === "cloud") {
      addField(args, `S${name}`, text);
    } else {
      addField(args, `R${name}`, text);
      addField(args, `S${name}`, undefined);
    }
  }
  if (args.length === 0) args.push(...clearing("R"));
  const places = [keys.device(productId, identity), keys.overflow(productId, identity)];
  const publish = context.meta.hasShardedChannels ? "SPUBLISH" : "PUBLISH";
  const hint = [by === "cloud" ? publish : "", keys.hints, dueMember(ref)];
  return (await runScript(context.redis, writeFields, places, [...hint, ...args])) === 1;
}

/** All resources of a device; undefined for one that does not exist. */
export async function readDeviceResources(
  context: StoreContext,
  ref: DeviceRef,
): Promise<Record<string, ResourceState> | undefined> {
  const shard = shardNumberOf(context, ref.productId, ref.identity);
  const fields = await readWithOverflow(context, ref, shard);
  if (fields === undefined || fields.has("X")) return undefined;
  const resources = new Map<string, ResourceState>();
  for (const [name, text] of fields) {
    const kind = name.charAt(0);
    if (kind !== "R" && kind !== "S") continue;
    const resource = name.slice(1);
    const { timestamp, value } = decodeValue(text);
    const known = resources.get(resource);
    resources.set(resource, mergeState(known, kind, timestamp, value, resource === "config_otau"));
  }
  return Object.fromEntries(resources);
}

/** Of `config_otau` a device's write sets only `reported`: an echo never changes what we want installed. */
function mergeState(
  known: ResourceState | undefined,
  kind: "R" | "S",
  timestamp: number,
  value: unknown,
  reportedOnly: boolean,
): ResourceState {
  const newest = Math.max(timestamp, known?.timestamp ?? 0);
  if (kind === "S") return { ...known, timestamp: newest, set: value };
  const set = reportedOnly ? {} : { set: value };
  return { ...set, ...known, timestamp: newest, reported: value };
}

function addField(args: string[], name: string, text: string | undefined): void {
  if (text === undefined) {
    args.push(...clearing(name));
    return;
  }
  const names = pieceNames(name);
  const { small, large } = placeField(name, text);
  const values = small.flat();
  args.push(name, String(names.length), ...names, String(values.length), ...values);
  if (large === undefined) args.push("0");
  else args.push("1", large);
}

function clearing(name: string): string[] {
  const names = pieceNames(name);
  return [name, String(names.length), ...names, "0", "0"];
}

/** Texts, which most values are, stand as they are behind `'`; anything else as JSON. */
function encodeValue(value: unknown): string {
  return typeof value === "string" ? `'${value.toWellFormed()}` : JSON.stringify(value ?? null);
}

function decodeValue(text: string): { timestamp: number; value: unknown } {
  const end = text.indexOf(",");
  const rest = text.slice(end + 1);
  const value: unknown = rest.startsWith("'") ? rest.slice(1) : JSON.parse(rest);
  return { timestamp: Number(text.slice(0, end)), value };
}
