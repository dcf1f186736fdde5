import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { productIdSchema } from "../modules/otau/ids.ts";

export default endpoint({
  method: "POST",
  path: "/api/v1/products/{productId}/webhooks/{webhookId}/replay",
  summary: "Send dead deliveries again, with the same ids",
  description: "Without `ids` all of them. They go before what is new.",
  tags: ["events"],
  security: { role: "admin", scope: "product" },
  params: z.strictObject({ productId: productIdSchema, webhookId: z.string().min(1).max(64) }),
  body: z
    .strictObject({
      ids: z
        .array(z.string().regex(/^\d{1,15}$/, "must be ids of events"))
        .max(1000)
        .optional(),
    })
    .prefault({}),
  reply: { status: 200, schema: z.strictObject({ replayed: z.int() }) },
  errors: [],

  handle: async ({ params, body }, { app }) => {
    await app.products.require(params.productId);
    return { replayed: await app.webhooks.replay(params.productId, params.webhookId, body.ids) };
  },
});
