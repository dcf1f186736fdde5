import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Cluster, Redis } from "ioredis";

/** A connection to one server or to a cluster. */
export type RedisConnection = Redis | Cluster;

/** A Lua script and the digest it is called by. */
export type Script = { readonly name: string; readonly lua: string; readonly sha: string };

/** A script from its text. `name` stands in messages. */
export function inlineScript(name: string, lua: string): Script {
  return { name, lua, sha: createHash("sha1").update(lua).digest("hex") };
}

/** A script from files beside the module that calls: `loadScript(import.meta.url, "index-sets.lua", "commit.lua")`. */
export function loadScript(moduleUrl: string, ...fileNames: readonly [string, ...string[]]): Script {
  const texts = fileNames.map((fileName) => readFileSync(new URL(fileName, moduleUrl), "utf8"));
  return inlineScript(fileNames.at(-1) ?? "", texts.join("\n"));
}

/** The time by the store's clock in milliseconds, as `now`; ARGV[1] is the clock's offset. First lines of a script. */
export const clockPrelude = `local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + tonumber(ARGV[1])
`;

/**
 * Runs a script by its digest, and by its text where the server does not know it (a first call, a restart, a
 * failover): a script unknown to the server has not run, so the second call doubles nothing.
 */
export async function runScript(
  redis: RedisConnection,
  script: Script,
  keys: readonly string[],
  args: readonly (string | number | Buffer)[],
): Promise<unknown> {
  try {
    return await redis.evalsha(script.sha, keys.length, ...keys, ...args);
  } catch (error) {
    if (!isMissingScript(error)) throw error;
    return await redis.eval(script.lua, keys.length, ...keys, ...args);
  }
}

/** The same for a script that answers with bytes: texts of the reply come as buffers. */
export async function runScriptForBuffers(
  redis: RedisConnection,
  script: Script,
  keys: readonly string[],
  args: readonly (string | number | Buffer)[],
): Promise<unknown> {
  try {
    return await redis.callBuffer("evalsha", [script.sha, keys.length, ...keys, ...args]);
  } catch (error) {
    if (!isMissingScript(error)) throw error;
    return await redis.callBuffer("eval", [script.lua, keys.length, ...keys, ...args]);
  }
}

function isMissingScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("NOSCRIPT");
}
