import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { contentIdSchema, productIdSchema } from "../modules/otau/ids.ts";
import { deploymentStateSchema } from "../modules/otau/vocabulary.ts";
import { decodeCursor, encodeCursor, listQuery, listReply } from "../modules/runtime/pagination.ts";
import { queryMany } from "../modules/runtime/query.ts";
import { deploymentViewSchema, toDeploymentViews } from "../modules/usecases/deployment-view.ts";
import { listDeployments } from "../modules/usecases/list-deployments.ts";

export default endpoint({
  method: "GET",
  path: "/api/v1/products/{productId}/deployments",
  summary: "List deployments, newest first",
  tags: ["deployments"],
  security: { role: "viewer", scope: "product" },
  params: z.strictObject({ productId: productIdSchema }),
  query: listQuery({ state: queryMany(deploymentStateSchema), packageId: queryMany(contentIdSchema) }),
  reply: { status: 200, schema: listReply(deploymentViewSchema) },
  errors: ["CURSOR_INVALID"],

  handle: async ({ params, query }, { app }) => {
    await app.products.require(params.productId);
    const filters = { ...query, ...params };
    const before = decodeCursor(query.cursor, filters, z.int());
    const { deployments, devices } = app.read;
    const page = { before, limit: query.limit };
    const { items, next } = await listDeployments(deployments, params.productId, query, page);
    const totals = await devices.totalsMany(items.map(({ id }) => id));
    return {
      items: toDeploymentViews(items, totals),
      next: next === undefined ? null : encodeCursor(next, filters),
    };
  },
});
