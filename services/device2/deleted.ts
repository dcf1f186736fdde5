import { z } from "zod";
import { eventHandler } from "../../modules/app.ts";

/** A device is gone, its updates ended before. */
export default eventHandler({
  payload: z.looseObject({ productId: z.string(), identity: z.string() }),

  handle: ({ productId, identity }, { log }) => {
    log.info({ productId, identity }, "device deleted");
  },
});
