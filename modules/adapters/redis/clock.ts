import { setTimeout as delay } from "node:timers/promises";
import { StartupError } from "../../startup-error.ts";
import { metaKey } from "./keys.ts";
import type { RedisConnection } from "./scripts.ts";

const offsetField = "clockOffsetMs";
const pollMs = 50;

/** How far the store's clock is ahead of the server's: 0 but in tests. Every script gets it as ARGV[1]. */
export type StoreClock = {
  readonly offsetMs: () => number;
  /** This process's own time on the store's clock, for what needs no exactness. */
  readonly roughNow: () => number;
  readonly close: () => Promise<void>;
};

/** A clock that tests move, for all processes of the store that were started with it. */
export type TestClock = StoreClock & {
  /** Moves time ahead by so many milliseconds, here at once, in other processes within some 50 ms. */
  readonly advance: (byMs: number) => Promise<void>;
  /** Sets the offset outright. */
  readonly setOffset: (offsetMs: number) => Promise<void>;
  /** Reads the offset that another process set. */
  readonly refresh: () => Promise<void>;
};

/**
 * The clock of a program that serves devices: the server's, unmoved. Refuses (StartupError) a store whose clock a
 * test has moved, as deadlines in it mean nothing.
 */
export async function openClock(redis: RedisConnection): Promise<StoreClock> {
  const offset = await redis.hget(metaKey, offsetField);
  if (offset !== null && Number(offset) !== 0) {
    throw new StartupError(
      `The store's clock was moved by a test (otau:meta ${offsetField} is ${offset}): use another store`,
    );
  }
  return { offsetMs: () => 0, roughNow: Date.now, close: async () => undefined };
}

/** The clock of a test. It may be opened in any number of processes; each follows the others. */
export async function openTestClock(redis: RedisConnection): Promise<TestClock> {
  let offsetMs = 0;
  const ended = new AbortController();
  const refresh = async () => {
    offsetMs = Number((await redis.hget(metaKey, offsetField)) ?? 0);
  };
  const follow = async () => {
    while (!ended.signal.aborted) {
      await delay(pollMs, undefined, { signal: ended.signal, ref: false }).catch(() => undefined);
      if (!ended.signal.aborted) await refresh().catch(() => undefined);
    }
  };
  await refresh();
  void follow();
  return {
    offsetMs: () => offsetMs,
    roughNow: () => Date.now() + offsetMs,
    refresh,
    setOffset: async (next) => {
      await redis.hset(metaKey, offsetField, String(next));
      offsetMs = next;
    },
    advance: async (byMs) => {
      offsetMs = await redis.hincrby(metaKey, offsetField, byMs);
    },
    close: async () => ended.abort(),
  };
}
