import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { productIdSchema } from "../modules/otau/ids.ts";
import { decodeCursor, encodeCursor, listQuery, listReply } from "../modules/runtime/pagination.ts";
import { deliveryStateSchema, deliveryViewSchema } from "../modules/usecases/manage-webhooks.ts";

export default endpoint({
  method: "GET",
  path: "/api/v1/products/{productId}/webhooks/{webhookId}/deliveries",
  summary: "List a webhook's deliveries by event",
  description:
    "`dead`: given up after a day (the newest 10,000), `retrying`: the one that is being repeated, `delivered`: the newest 100.",
  tags: ["events"],
  security: { role: "viewer", scope: "product" },
  params: z.strictObject({ productId: productIdSchema, webhookId: z.string().min(1).max(64) }),
  query: listQuery({ state: deliveryStateSchema.default("dead") }),
  reply: { status: 200, schema: listReply(deliveryViewSchema) },
  errors: ["CURSOR_INVALID"],

  handle: async ({ params, query }, { app }) => {
    const { productId, webhookId } = params;
    await app.products.require(productId);
    const filters = { ...query, ...params };
    const after = decodeCursor(query.cursor, filters, z.int());
    const page = { after, limit: query.limit };
    const { items, next } = await app.webhooks.deliveries(productId, webhookId, query.state, page);
    return { items, next: next === undefined ? null : encodeCursor(next, filters) };
  },
});
