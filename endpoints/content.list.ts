import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { productIdSchema } from "../modules/otau/ids.ts";
import { decodeCursor, encodeCursor, listQuery, listReply } from "../modules/runtime/pagination.ts";
import { contentViewSchema, toContentView } from "../modules/usecases/package-view.ts";

export default endpoint({
  method: "GET",
  path: "/api/v1/products/{productId}/content",
  summary: "List the items of the content area, by id",
  tags: ["content"],
  security: { role: "viewer", scope: "product" },
  params: z.strictObject({ productId: productIdSchema }),
  query: listQuery({
    prefix: z.string().max(200).optional().meta({ description: "How the id begins", example: "firmware/" }),
  }),
  reply: { status: 200, schema: listReply(contentViewSchema) },
  errors: ["CURSOR_INVALID"],

  handle: async ({ params, query }, { app }) => {
    await app.products.require(params.productId);
    const filters = { ...query, ...params };
    const after = decodeCursor(query.cursor, filters, z.string());
    const { items, next } = await app.read.content.list(params.productId, {
      limit: query.limit,
      ...(query.prefix === undefined ? {} : { prefix: query.prefix }),
      ...(after === undefined ? {} : { after }),
    });
    return {
      items: items.map((item) => toContentView(item, app.rules)),
      next: next === undefined ? null : encodeCursor(next, filters),
    };
  },
});
