import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { productIdSchema } from "../modules/otau/ids.ts";
import { revised } from "../modules/runtime/reply.ts";
import { toWebhookView, webhookPatchSchema, webhookViewSchema } from "../modules/usecases/manage-webhooks.ts";

export default endpoint({
  method: "PATCH",
  path: "/api/v1/products/{productId}/webhooks/{webhookId}",
  summary: "Change a webhook's address or what it is told",
  description: "Null takes a filter away. What waits to be delivered goes to the new address.",
  tags: ["events"],
  security: { role: "admin", scope: "product" },
  params: z.strictObject({ productId: productIdSchema, webhookId: z.string().min(1).max(64) }),
  body: webhookPatchSchema,
  reply: { status: 200, schema: webhookViewSchema },
  errors: [],

  handle: async ({ params, body, precondition }, { app }) => {
    await app.products.require(params.productId);
    const record = await app.webhooks.patch(params.productId, params.webhookId, body, precondition);
    return revised(toWebhookView(record), record.revision);
  },
});
