import { OtauError } from "../../errors.ts";
import type { KeyValueStore } from "../../usecases/ports.ts";
import { withStoreErrors } from "./connection.ts";
import { admittedCommand } from "./keystore-commands.ts";
import { inlineScript, type RedisConnection, runScript } from "./scripts.ts";

/** The names of all values; those that have expired are taken out when they are met. */
const namesKey = "otau:{keystore}:names";
const keyLengthMax = 200;
const valueBytesMax = 1_048_576;
const listCountMax = 1000;

/**
 * Runs one command on one value and keeps its name in step. KEYS: value, names. ARGV: name, command, "1" when it
 * writes, arguments (their number is bounded before).
 */
const runCommand = inlineScript(
  "keystoreCommand",
  `local result = redis.pcall(ARGV[2], KEYS[1], unpack(ARGV, 4))
if type(result) == 'table' and result.err then return redis.error_reply(result.err) end
if ARGV[3] == '1' then
  if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('SADD', KEYS[2], ARGV[1])
  else redis.call('SREM', KEYS[2], ARGV[1]) end
end
return result`,
);

/** KEYS: names, then values. ARGV: their names. Answers the names of those that are there, and forgets the others. */
const presentOnly = inlineScript(
  "keystorePresent",
  `local present = {}
for i = 2, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 1 then present[#present + 1] = ARGV[i - 1]
  else redis.call('SREM', KEYS[1], ARGV[i - 1]) end
end
return present`,
);

/** Murano's Keystore on Redis. Its values live under one prefix that no name can leave. */
export function makeKeyValueStore({ redis }: { readonly redis: RedisConnection }): KeyValueStore {
  async function command(key: string, name: string, args: readonly (string | number)[]): Promise<unknown> {
    const admitted = admittedCommand(name, args.length);
    checkSizes(args);
    const all = [key, admitted.name, admitted.writes ? 1 : 0, ...args];
    try {
      return await withStoreErrors(() => runScript(redis, runCommand, [valueKey(key), namesKey], all));
    } catch (error) {
      throw toInputError(error, admitted.name);
    }
  }

  return {
    command,
    get: async (key) => ((await command(key, "get", [])) as string | null) ?? undefined,
    async mget(keys) {
      if (keys.length === 0) return [];
      const values = await withStoreErrors(() => redis.mget(keys.map(valueKey)));
      return values.map((value) => value ?? undefined);
    },
    async set(key, value, ttlMs) {
      await command(key, "set", ttlMs === undefined ? [value] : [value, "PX", ttlMs]);
    },
    async delete(keys) {
      let deleted = 0;
      for (const key of keys) deleted += Number(await command(key, "del", []));
      return deleted;
    },
    async list(match, cursor, count) {
      if (!/^\d{1,20}$/.test(cursor)) {
        throw new OtauError("INVALID_INPUT", `"${cursor}" is no cursor of a Keystore list; begin with "0".`);
      }
      const wanted = Math.min(Math.max(1, count), listCountMax);
      const [next, names] = await withStoreErrors(() =>
        redis.sscan(namesKey, cursor, "MATCH", match, "COUNT", wanted),
      );
      if (names.length === 0) return { keys: [], cursor: next };
      const present = await withStoreErrors(() =>
        runScript(redis, presentOnly, [namesKey, ...names.map(valueKey)], names),
      );
      return { keys: present as string[], cursor: next };
    },
  };
}

function valueKey(key: string): string {
  if (key.length === 0 || key.length > keyLengthMax || !key.isWellFormed()) {
    throw new OtauError(
      "INVALID_INPUT",
      `A Keystore key has 1 to ${keyLengthMax} characters, this one ${key.length}.`,
    );
  }
  return `otau:{keystore}:v:${key}`;
}

function checkSizes(args: readonly (string | number)[]): void {
  let bytes = 0;
  for (const arg of args) bytes += Buffer.byteLength(String(arg));
  if (bytes <= valueBytesMax) return;
  throw new OtauError("TOO_LARGE", `A Keystore command takes at most ${valueBytesMax} bytes, not ${bytes}.`);
}

/** What Redis says of wrong arguments is for the script's author, not a failure of ours. */
function toInputError(error: unknown, name: string): unknown {
  if (error instanceof OtauError || !(error instanceof Error)) return error;
  if (!/^(ERR|WRONGTYPE)\b/.test(error.message)) return error;
  const said = error.message.replace(/\s*script: .*$/, "");
  return new OtauError("INVALID_INPUT", `Keystore command ${name}: ${said}`, { cause: error });
}
