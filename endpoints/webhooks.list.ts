import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { productIdSchema } from "../modules/otau/ids.ts";
import { decodeCursor, encodeCursor, listQuery, listReply } from "../modules/runtime/pagination.ts";
import { toWebhookView, webhookViewSchema } from "../modules/usecases/manage-webhooks.ts";

export default endpoint({
  method: "GET",
  path: "/api/v1/products/{productId}/webhooks",
  summary: "List webhooks, oldest first",
  tags: ["events"],
  security: { role: "viewer", scope: "product" },
  params: z.strictObject({ productId: productIdSchema }),
  query: listQuery({}),
  reply: { status: 200, schema: listReply(webhookViewSchema) },
  errors: ["CURSOR_INVALID"],

  handle: async ({ params, query }, { app }) => {
    await app.products.require(params.productId);
    const filters = { ...query, ...params };
    const after = decodeCursor(query.cursor, filters, z.tuple([z.number(), z.string()]));
    const all = await app.webhooks.list(params.productId);
    const rest = all.filter(
      ({ createdAt, id }) =>
        after === undefined || createdAt > after[0] || (createdAt === after[0] && id > after[1]),
    );
    const items = rest.slice(0, query.limit);
    const last = items.at(-1);
    const hasMore = last !== undefined && rest.length > items.length;
    return {
      items: items.map(toWebhookView),
      next: hasMore ? encodeCursor([last.createdAt, last.id], filters) : null,
    };
  },
});
