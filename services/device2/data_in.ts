import { z } from "zod";
import { eventHandler } from "../../modules/app.ts";

const reportAlias = "otau_in";

/** The only way in for reports: whatever a device wrote comes through here, by whichever door. */
export default eventHandler({
  payload: z.looseObject({
    productId: z.string(),
    identity: z.string(),
    /** Token prefix it was sent under; absent where another platform vouches for the device. */
    credential: z.string().optional(),
    payload: z
      .array(z.looseObject({ timestamp: z.unknown().optional(), values: z.record(z.string(), z.unknown()) }))
      .optional(),
  }),

  handle: ({ productId, identity, credential, payload = [] }, { app }) => {
    const entries = payload
      .filter(({ values }) => Object.hasOwn(values, reportAlias))
      .map(({ timestamp, values }) => ({ value: values[reportAlias], timestamp }));
    if (entries.length === 0) return [];
    return app.recordReports({
      ref: { productId, identity },
      entries,
      ...(credential === undefined ? {} : { credential }),
    });
  },
});
