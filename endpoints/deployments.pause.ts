import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { productIdSchema } from "../modules/otau/ids.ts";
import { tagged } from "../modules/runtime/reply.ts";
import { deploymentIdSchema, deploymentViewSchema } from "../modules/usecases/deployment-view.ts";
import { actorOf } from "../modules/usecases/manage-tokens.ts";

export default endpoint({
  method: "POST",
  path: "/api/v1/products/{productId}/deployments/{deploymentId}/pause",
  summary: "Write nothing more of a deployment until it is resumed",
  description: "Retries wait as well; what devices have begun goes on.",
  tags: ["deployments"],
  security: { role: "operator", scope: "product" },
  params: z.strictObject({ productId: productIdSchema, deploymentId: deploymentIdSchema }),
  reply: { status: 200, schema: deploymentViewSchema },
  errors: ["DEPLOYMENT_FINISHED"],

  handle: async ({ params, principal }, { app }) => {
    await app.products.require(params.productId);
    const view = await app.steer.pause({ ...params, actor: actorOf(principal) });
    return tagged(view, view.revision);
  },
});
