import type { Logger } from "pino";
import { z } from "zod";
import type { TimerStore } from "../usecases/ports-scripting.ts";
import type { ScriptScope } from "./script-scope.ts";
import {
  makeAnswering,
  type Result,
  readArguments,
  ServiceFault,
  wellFormedText,
  wholeNumber,
} from "./service-result.ts";

const timersMax = 10_000;
const messageBytesMax = 65_536;
/** Ten years. */
const durationMaxMs = 315_360_000_000;
const intervalMinMs = 100;

/** What a timer event brings: the value that `message` had, whatever JSON can hold. */
export type TimerCall = {
  /** Given by us when it is left out; a timer of the same id is replaced. */
  readonly timer_id?: string | undefined;
  /** Milliseconds. */
  readonly duration: number;
  readonly message?: unknown;
};

/** The answer of a timer that was set or canceled. */
export type TimerAnswer = { readonly result: "ok"; readonly timer_id: string };

/**
 * Murano's Timer, shared by all scripts of the solution. A timer ends in the event `timer` of the service `timer`:
 * at least once, also after a crash, and no earlier than it should. No operation ever throws.
 */
export type Timer = {
  readonly sendAfter: (call: TimerCall) => Promise<Result<TimerAnswer>>;
  /** Again and again, at least 100 ms apart. What was missed while nothing ran comes once. */
  readonly sendInterval: (call: TimerCall) => Promise<Result<TimerAnswer>>;
  /** Fine when there is none. */
  readonly cancel: (call: { readonly timer_id: string }) => Promise<Result<TimerAnswer>>;
  readonly cancelAll: () => Promise<Result<{ readonly result: "ok" }>>;
  /** Ids, the next due first. */
  readonly list: () => Promise<Result<{ readonly list: readonly string[]; readonly result: "ok" }>>;
};

export type TimerDeps = {
  readonly timers: TimerStore;
  readonly newId: () => string;
  readonly log: Pick<Logger, "error">;
};

const timerId = wellFormedText(200);
const sendSchema = (durationMinMs: number) =>
  z.object({
    timer_id: timerId.optional(),
    duration: wholeNumber(durationMinMs, durationMaxMs),
    message: z.unknown().optional(),
  });
const afterSchema = sendSchema(0);
const intervalSchema = sendSchema(intervalMinMs);
const cancelSchema = z.object({ timer_id: timerId });

/** Makes Timer for scripts; what a timer brings about acts on the product of the script that set it. */
export function makeTimer({ timers, newId, log }: TimerDeps): (scope: ScriptScope) => Timer {
  const answering = makeAnswering("Timer", log);

  async function send(
    { timer_id, duration, message }: z.output<typeof afterSchema>,
    isInterval: boolean,
    { productId }: ScriptScope,
  ): Promise<TimerAnswer> {
    const id = timer_id ?? newId();
    const messageText = textOf(message);
    const isSet = await timers.set(
      { id, messageText, durationMs: duration, isInterval, productId },
      timersMax,
    );
    if (isSet) return { result: "ok", timer_id: id };
    throw new ServiceFault(
      429,
      "TOO_MANY",
      `There are ${timersMax} timers; cancel some before setting another.`,
    );
  }

  return (scope) => ({
    sendAfter: (call) => answering("sendAfter", () => send(readArguments(afterSchema, call), false, scope)),
    sendInterval: (call) =>
      answering("sendInterval", () => send(readArguments(intervalSchema, call), true, scope)),
    cancel: (call) =>
      answering("cancel", async () => {
        const { timer_id } = readArguments(cancelSchema, call);
        await timers.cancel(timer_id);
        return { result: "ok", timer_id };
      }),
    cancelAll: () =>
      answering("cancelAll", async () => {
        await timers.cancelAll();
        return { result: "ok" };
      }),
    list: () => answering("list", async () => ({ list: await timers.list(), result: "ok" })),
  });
}

function textOf(message: unknown): string {
  const text = JSON.stringify(message ?? null);
  if (Buffer.byteLength(text) <= messageBytesMax) return text;
  throw new ServiceFault(413, "TOO_LARGE", `The message has more than ${messageBytesMax} bytes as JSON.`);
}
