import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { productIdSchema } from "../modules/otau/ids.ts";
import { decodeCursor, encodeCursor, listQuery, listReply } from "../modules/runtime/pagination.ts";
import { queryMany } from "../modules/runtime/query.ts";
import { respondJsonText } from "../modules/runtime/reply.ts";
import { packageStateSchema, packageViewSchema } from "../modules/usecases/package-view.ts";

const text = z.string().max(256);

export default endpoint({
  method: "GET",
  path: "/api/v1/products/{productId}/packages",
  summary: "List packages, newest first, invalid ones with their problems",
  tags: ["packages"],
  security: { role: "viewer", scope: "product" },
  params: z.strictObject({ productId: productIdSchema }),
  query: listQuery({
    vendor: queryMany(text),
    product: queryMany(text).meta({ description: "The product that otau_info names" }),
    type: queryMany(text),
    version: queryMany(text),
    state: queryMany(packageStateSchema),
    q: text.optional().meta({ description: "Part of id, name or version, in any case" }),
  }),
  reply: { status: 200, schema: listReply(packageViewSchema) },
  errors: ["CURSOR_INVALID"],

  handle: async ({ params, query }, { app }) => {
    await app.products.require(params.productId);
    const filters = { ...query, ...params };
    const before = decodeCursor(query.cursor, filters, z.int());
    const { items, next } = await app.packages.listTexts(params.productId, query, {
      limit: query.limit,
      ...(before === undefined ? {} : { before }),
    });
    const cursor = next === undefined ? null : encodeCursor(next, filters);
    return respondJsonText(`{"items":[${items.join(",")}],"next":${JSON.stringify(cursor)}}`);
  },
});
