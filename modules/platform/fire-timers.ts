import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import type { DueTimer, TimerStore } from "../usecases/ports-scripting.ts";

/** Handlers that run at once in this process. */
const atOnceMax = 50;
/** How long one run of the duty waits for its handlers before it looks for more. */
const patienceMs = 2000;
const hangsAfterMs = 600_000;
const leaseMs = 15_000;
const extendEveryMs = 5000;
/** A firing that fails is tried again after 1 s, 2 s, 4 s …; after so many tries the timer counts as heard. */
const triesMax = 8;
const retryMs = 1000;

/** The argument of a handler in `services/timer/timer.ts` (Murano timer event). */
export type TimerEvent = {
  readonly message: unknown;
  readonly timer_id: string;
  /** The product of the script that set the timer: in Murano a product is a solution. */
  readonly solution_id: string;
};

export type FireTimersDeps = {
  readonly timers: Pick<TimerStore, "claim" | "extend" | "settle" | "postpone">;
  /** Hands an event to the solution's handlers; throws what they throw. */
  readonly emit: (service: string, event: string, payload: unknown) => Promise<unknown>;
  readonly log: Pick<Logger, "warn" | "error">;
};

/** How many timers were heard and how many have to be told again. */
export type Fired = { readonly fired: number; readonly failed: number };

/**
 * The worker's duty `timer`: tells handlers of every timer that is due, until none is left. A firing holds a lease
 * that it renews; when its process dies, the lease runs out and another worker fires the timer again.
 */
export function makeFireTimers({ timers, emit, log }: FireTimersDeps): () => Promise<Fired> {
  let free = atOnceMax;

  async function fire(timer: DueTimer): Promise<boolean> {
    const held = setInterval(() => {
      timers.extend(timer, leaseMs).catch(() => undefined);
    }, extendEveryMs);
    try {
      await within(hangsAfterMs, emit("timer", "timer", eventOf(timer)));
      await timers.settle(timer);
      return true;
    } catch (error) {
      await failed(timer, error);
      return false;
    } finally {
      clearInterval(held);
    }
  }

  /** The dispatcher has logged what the handler threw. */
  async function failed(timer: DueTimer, err: unknown): Promise<void> {
    const { id, tries } = timer;
    if (tries + 1 < triesMax) return timers.postpone(timer, retryMs * 2 ** tries);
    log.error({ timer: id, tries: triesMax, err }, "timer given up");
    await timers.settle(timer);
  }

  /** What cannot be stored now is due again when its lease runs out. */
  async function fireAndFree(timer: DueTimer): Promise<boolean> {
    free -= 1;
    try {
      return await fire(timer);
    } catch (err) {
      log.warn({ timer: timer.id, err }, "timer left to its lease");
      return false;
    } finally {
      free += 1;
    }
  }

  return async () => {
    const fired = { fired: 0, failed: 0 };
    while (free > 0) {
      const asked = free;
      const due = await timers.claim(asked, leaseMs);
      const firings = due.map(async (timer) => {
        const isHeard = await fireAndFree(timer);
        fired[isHeard ? "fired" : "failed"] += 1;
      });
      // A handler that takes long must not keep the others from their time.
      await Promise.race([Promise.all(firings), delay(patienceMs, undefined, { ref: false })]);
      if (due.length < asked) break;
    }
    return { ...fired };
  };
}

/** The outcome, or a failure when it takes longer: whoever hangs is not waited for for ever. */
async function within<Outcome>(ms: number, outcome: Promise<Outcome>): Promise<Outcome> {
  const ended = new AbortController();
  const tooLong = delay(ms, undefined, { ref: false, signal: ended.signal }).then((): never => {
    throw new Error(`the handler has not ended after ${ms} ms`);
  });
  try {
    return await Promise.race([outcome, tooLong]);
  } finally {
    ended.abort();
    tooLong.catch(() => undefined);
  }
}

function eventOf({ id, messageText, productId }: DueTimer): TimerEvent {
  return { message: JSON.parse(messageText) as unknown, timer_id: id, solution_id: productId };
}
