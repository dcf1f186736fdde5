import { z } from "zod";
import { eventHandler } from "../../modules/app.ts";

/** Hears every timer of the solution, at least once each. Copy it to `services/timer/`. */
export default eventHandler({
  payload: z.looseObject({
    timer_id: z.string(),
    /** The product whose script set the timer; Device2 acts on it. */
    solution_id: z.string(),
    message: z.object({ identity: z.string(), text: z.string() }),
  }),

  handle: async ({ timer_id, message }, { Device2, log }) => {
    const { identity, text } = message;
    const set = await Device2.setIdentityState({ identity, reminder: text });
    if (set.error === undefined) return;
    // To throw has the timer tried again: right while the store is away, and useless for a device that is gone.
    if (set.type === "ServerError") throw new Error(set.error);
    log.warn({ timer: timer_id, identity, error: set.error }, "reminder dropped");
  },
});
