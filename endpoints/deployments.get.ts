import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { productIdSchema } from "../modules/otau/ids.ts";
import { tagged } from "../modules/runtime/reply.ts";
import { deploymentIdSchema, deploymentViewSchema } from "../modules/usecases/deployment-view.ts";

export default endpoint({
  method: "GET",
  path: "/api/v1/products/{productId}/deployments/{deploymentId}",
  summary: "Show a deployment with its totals",
  tags: ["deployments"],
  security: { role: "viewer", scope: "product" },
  params: z.strictObject({ productId: productIdSchema, deploymentId: deploymentIdSchema }),
  reply: { status: 200, schema: deploymentViewSchema },
  errors: [],

  handle: async ({ params }, { app }) => {
    await app.products.require(params.productId);
    const record = await app.steer.find(params);
    return tagged(await app.steer.view(record), record.revision);
  },
});
