import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { contentIdSchema, productIdSchema } from "../modules/otau/ids.ts";
import { reasonSchema, updateStateSchema } from "../modules/otau/vocabulary.ts";
import { decodeCursor, encodeCursor, listQuery, listReply } from "../modules/runtime/pagination.ts";
import { queryMany } from "../modules/runtime/query.ts";
import { deploymentIdSchema } from "../modules/usecases/deployment-view.ts";
import { toRowView, updateReplySchema } from "../modules/usecases/device-view.ts";
import { updatePositionSchema } from "../modules/usecases/list-updates.ts";

export default endpoint({
  method: "GET",
  path: "/api/v1/products/{productId}/updates",
  summary: "List updates across deployments, by identity",
  tags: ["updates"],
  security: { role: "viewer", scope: "product" },
  params: z.strictObject({ productId: productIdSchema }),
  query: listQuery({
    state: queryMany(updateStateSchema),
    reason: queryMany(reasonSchema),
    packageId: queryMany(contentIdSchema),
    deploymentId: queryMany(deploymentIdSchema),
    q: z
      .string()
      .max(256)
      .optional()
      .meta({ description: "How the identity begins, or part of package id, name or version" }),
  }),
  reply: { status: 200, schema: listReply(updateReplySchema) },
  errors: ["CURSOR_INVALID"],

  handle: async ({ params, query }, { app }) => {
    await app.products.require(params.productId);
    const filters = { ...query, ...params };
    const position = decodeCursor(query.cursor, filters, updatePositionSchema) ?? {};
    const page = { position, limit: query.limit };
    const { items, next } = await app.updates.list(params.productId, query, page);
    return {
      items: items.map(toRowView),
      next: next === undefined ? null : encodeCursor(next, filters),
    };
  },
});
