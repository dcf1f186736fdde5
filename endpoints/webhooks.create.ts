import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { productIdSchema } from "../modules/otau/ids.ts";
import { created } from "../modules/runtime/reply.ts";
import { newWebhookSchema, toWebhookView, webhookSecretSchema } from "../modules/usecases/manage-webhooks.ts";

export default endpoint({
  method: "POST",
  path: "/api/v1/products/{productId}/webhooks",
  summary: "Be told of events over HTTP; the secret is shown this once",
  description:
    "Each event is a POST of its journal line, signed as Standard Webhooks say (`webhook-id`, `webhook-timestamp`, `webhook-signature`), in order, repeated for a day with the same id until it is answered with 2xx.",
  tags: ["events"],
  security: { role: "admin", scope: "product" },
  params: z.strictObject({ productId: productIdSchema }),
  body: newWebhookSchema.meta({
    example: { url: "https://app.example.com/otau", types: ["update.changed"] },
  }),
  reply: { status: 201, schema: webhookSecretSchema },
  errors: [],

  handle: async ({ params, body, principal }, { app }) => {
    await app.products.require(params.productId);
    const record = await app.webhooks.create(params.productId, body, principal.id);
    return created(
      `/api/v1/products/${params.productId}/webhooks/${record.id}`,
      { ...toWebhookView(record), secret: record.secret },
      { revision: record.revision },
    );
  },
});
