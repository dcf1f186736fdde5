import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { productIdSchema } from "../modules/otau/ids.ts";
import { revised } from "../modules/runtime/reply.ts";
import { toWebhookView, webhookViewSchema } from "../modules/usecases/manage-webhooks.ts";

export default endpoint({
  method: "GET",
  path: "/api/v1/products/{productId}/webhooks/{webhookId}",
  summary: "Show a webhook, without its secret",
  tags: ["events"],
  security: { role: "viewer", scope: "product" },
  params: z.strictObject({ productId: productIdSchema, webhookId: z.string().min(1).max(64) }),
  reply: { status: 200, schema: webhookViewSchema },
  errors: [],

  handle: async ({ params }, { app }) => {
    await app.products.require(params.productId);
    const record = await app.webhooks.get(params.productId, params.webhookId);
    return revised(toWebhookView(record), record.revision);
  },
});
