import type { Logger } from "pino";
import type { AnyEventHandler, AnyInitScript } from "./define.ts";
import { invalidBySchema } from "./faults.ts";
import { fallbackEvent, type LoadedHandler } from "./load.ts";
import { isRefusal } from "./problem.ts";

/** What a handler of an event is told beside its payload; becomes its `context`. */
export type EventContext = {
  readonly service: string;
  readonly event: string;
  /** `service.event`; the field `handler` in the log. */
  readonly handler: string;
};

/** Gives an event to its handler and returns what that returns. */
export type Dispatch = (service: string, event: string, payload: unknown) => Promise<unknown>;

type Ports = {
  /** `payload` as it was raised: the handler's schema has not seen it yet. */
  readonly helpersFor: (context: EventContext, payload: unknown) => unknown;
  readonly log: Pick<Logger, "warn" | "error">;
};

const run = async (handler: AnyEventHandler, payload: unknown, helpers: unknown): Promise<unknown> => {
  const parsed = handler.payload.safeParse(payload);
  if (!parsed.success) throw invalidBySchema("body", parsed.error);
  // The definers have checked the types of both sides; here they are forgotten.
  const handle = handler.handle as unknown as (payload: unknown, helpers: unknown) => unknown;
  return handle(parsed.data, helpers);
};

/**
 * Makes the dispatcher of a solution's service events. An event without a handler goes to the
 * service's fallback, else nowhere (undefined). What a handler throws is logged and thrown on:
 * whoever raised the event must not acknowledge it.
 */
export const makeDispatch = (handlers: readonly LoadedHandler[], { helpersFor, log }: Ports): Dispatch => {
  const byName = new Map(handlers.map((loaded) => [`${loaded.service}.${loaded.event}`, loaded.handler]));
  return async (service, event, payload) => {
    const name = `${service}.${event}`;
    const handler = byName.get(name) ?? byName.get(`${service}.${fallbackEvent}`);
    if (handler === undefined) return undefined;
    try {
      return await run(handler, payload, helpersFor({ service, event, handler: name }, payload));
    } catch (error) {
      if (isRefusal(error))
        log.warn({ handler: name, code: error.code, detail: error.message }, "event refused");
      else log.error({ handler: name, err: error }, "event handler failed");
      throw error;
    }
  };
};

/** Remembers, across starts, whether the init script has run. */
export type InitRecord = {
  readonly alreadyRan: () => Promise<boolean>;
  readonly markRan: () => Promise<void>;
};

/** Runs the init script unless it ever ended well before; true if it ran now. What it throws is thrown on. */
export const runInitScript = async (
  script: AnyInitScript | undefined,
  record: InitRecord,
  helpers: unknown,
): Promise<boolean> => {
  if (script === undefined || (await record.alreadyRan())) return false;
  await (script.run as unknown as (helpers: unknown) => unknown)(helpers);
  // Marked last: a script that a crash cut short runs again, so it must bear that.
  await record.markRan();
  return true;
};
