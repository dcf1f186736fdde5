import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { productIdSchema } from "../modules/otau/ids.ts";
import { tagged } from "../modules/runtime/reply.ts";
import { deploymentIdSchema, deploymentViewSchema } from "../modules/usecases/deployment-view.ts";
import { actorOf } from "../modules/usecases/manage-tokens.ts";

export default endpoint({
  method: "POST",
  path: "/api/v1/products/{productId}/deployments/{deploymentId}/advance",
  summary: "Open the next wave of a deployment, or approve it",
  description: "Opens it whether the open one is done or not. With no wave left nothing changes.",
  tags: ["deployments"],
  security: { role: "operator", scope: "product" },
  params: z.strictObject({ productId: productIdSchema, deploymentId: deploymentIdSchema }),
  reply: { status: 200, schema: deploymentViewSchema },
  errors: ["DEPLOYMENT_FINISHED"],

  handle: async ({ params, principal }, { app }) => {
    await app.products.require(params.productId);
    const view = await app.steer.advance({ ...params, actor: actorOf(principal) });
    return tagged(view, view.revision);
  },
});
