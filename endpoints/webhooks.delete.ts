import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { productIdSchema } from "../modules/otau/ids.ts";
import { noContent } from "../modules/runtime/reply.ts";

export default endpoint({
  method: "DELETE",
  path: "/api/v1/products/{productId}/webhooks/{webhookId}",
  summary: "Delete a webhook and what waits for it",
  tags: ["events"],
  security: { role: "admin", scope: "product" },
  params: z.strictObject({ productId: productIdSchema, webhookId: z.string().min(1).max(64) }),
  reply: { status: 204 },
  errors: [],

  handle: async ({ params, precondition }, { app }) => {
    await app.products.require(params.productId);
    await app.webhooks.remove(params.productId, params.webhookId, precondition);
    return noContent();
  },
});
