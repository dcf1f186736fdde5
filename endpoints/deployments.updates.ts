import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { productIdSchema } from "../modules/otau/ids.ts";
import { reasonSchema, updateStateSchema } from "../modules/otau/vocabulary.ts";
import { decodeCursor, encodeCursor, listQuery, listReply } from "../modules/runtime/pagination.ts";
import { queryMany } from "../modules/runtime/query.ts";
import { deploymentIdSchema } from "../modules/usecases/deployment-view.ts";
import { toRowView, updateReplySchema } from "../modules/usecases/device-view.ts";
import { updatePositionSchema } from "../modules/usecases/list-updates.ts";

export default endpoint({
  method: "GET",
  path: "/api/v1/products/{productId}/deployments/{deploymentId}/updates",
  summary: "List the updates of a deployment, by identity",
  tags: ["deployments"],
  security: { role: "viewer", scope: "product" },
  params: z.strictObject({ productId: productIdSchema, deploymentId: deploymentIdSchema }),
  query: listQuery({ state: queryMany(updateStateSchema), reason: queryMany(reasonSchema) }),
  reply: { status: 200, schema: listReply(updateReplySchema) },
  errors: ["CURSOR_INVALID"],

  handle: async ({ params, query }, { app }) => {
    const { productId, deploymentId } = params;
    await app.products.require(productId);
    await app.steer.find(params);
    const filters = { ...query, ...params };
    const position = decodeCursor(query.cursor, filters, updatePositionSchema) ?? {};
    const { state, reason, limit } = query;
    const filter = { state, reason, deploymentId: [deploymentId] };
    const { items, next } = await app.updates.list(productId, filter, { position, limit });
    return {
      items: items.map(toRowView),
      next: next === undefined ? null : encodeCursor(next, filters),
    };
  },
});
