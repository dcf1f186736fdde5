import { z } from "zod";
import { eventHandler } from "../../modules/app.ts";

/** A device has activated itself and got its token. */
export default eventHandler({
  payload: z.looseObject({
    productId: z.string(),
    identity: z.string(),
    ip: z.string().optional(),
    protocol: z.string().optional(),
  }),

  handle: ({ productId, identity, ip, protocol }, { log }) => {
    log.info({ productId, identity, ip, protocol }, "device provisioned");
  },
});
