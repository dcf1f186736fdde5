import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { productIdSchema } from "../modules/otau/ids.ts";
import { tagged } from "../modules/runtime/reply.ts";
import { deploymentDetailSchema } from "../modules/usecases/deployment-insight.ts";
import { deploymentIdSchema } from "../modules/usecases/deployment-view.ts";

export default endpoint({
  method: "GET",
  path: "/api/v1/products/{productId}/deployments/{deploymentId}",
  summary: "Show a deployment: totals, waves, forecast, slowest and failing devices",
  tags: ["deployments"],
  security: { role: "viewer", scope: "product" },
  params: z.strictObject({ productId: productIdSchema, deploymentId: deploymentIdSchema }),
  reply: { status: 200, schema: deploymentDetailSchema },
  errors: [],

  handle: async ({ params }, { app }) => {
    await app.products.require(params.productId);
    const record = await app.steer.find(params);
    const view = await app.steer.view(record);
    return tagged(await app.withInsight(record, view), record.revision);
  },
});
