import { OtauError } from "../../errors.ts";

type Command = { readonly args: readonly [least: number, most: number]; readonly writes: boolean };

/** Most arguments of one command. */
const argsMax = 1000;
const many = argsMax;

const reads = (least: number, most = least): Command => ({ args: [least, most], writes: false });
const writes = (least: number, most = least): Command => ({ args: [least, most], writes: true });

/**
 * Murano's Keystore commands with how many arguments they take beside the key. Only commands whose one key is the
 * first argument are here, and none takes more keys at the number of arguments it is held to: nothing reaches a key
 * of another owner.
 */
const commands: Readonly<Record<string, Command>> = {
  get: reads(0),
  strlen: reads(0),
  type: reads(0),
  exists: reads(0),
  ttl: reads(0),
  pttl: reads(0),
  set: writes(1, 6),
  setnx: writes(1),
  setex: writes(2),
  psetex: writes(2),
  getset: writes(1),
  append: writes(1),
  incr: writes(0),
  incrby: writes(1),
  incrbyfloat: writes(1),
  decr: writes(0),
  decrby: writes(1),
  del: writes(0),
  expire: writes(1),
  pexpire: writes(1),
  expireat: writes(1),
  pexpireat: writes(1),
  persist: writes(0),
  lpush: writes(1, many),
  rpush: writes(1, many),
  lpop: writes(0),
  rpop: writes(0),
  lrange: reads(2),
  lindex: reads(1),
  llen: reads(0),
  lrem: writes(2),
  lset: writes(2),
  ltrim: writes(2),
  sadd: writes(1, many),
  srem: writes(1, many),
  scard: reads(0),
  sismember: reads(1),
  smembers: reads(0),
  spop: writes(0, 1),
  hget: reads(1),
  hmget: reads(1, many),
  hgetall: reads(0),
  hkeys: reads(0),
  hvals: reads(0),
  hlen: reads(0),
  hexists: reads(1),
  hset: writes(2, many),
  hmset: writes(2, many),
  hsetnx: writes(2),
  hdel: writes(1, many),
  hincrby: writes(2),
  hincrbyfloat: writes(2),
};

/** A command that may run, or INVALID_INPUT with what is wrong. */
export function admittedCommand(name: string, argsCount: number): { name: string; writes: boolean } {
  const lower = name.toLowerCase();
  const command = Object.hasOwn(commands, lower) ? commands[lower] : undefined;
  if (command === undefined) {
    throw new OtauError(
      "INVALID_INPUT",
      `"${name}" is no Keystore command; there are ${Object.keys(commands).join(", ")}.`,
    );
  }
  const [least, most] = command.args;
  if (argsCount < least || argsCount > most) {
    const wanted = least === most ? String(least) : `${least} to ${most}`;
    throw new OtauError(
      "INVALID_INPUT",
      `Keystore command ${lower} takes ${wanted} arguments beside the key, not ${argsCount}.`,
    );
  }
  return { name: lower, writes: command.writes };
}
