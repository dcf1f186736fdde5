import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { productIdSchema } from "../modules/otau/ids.ts";
import { tagged } from "../modules/runtime/reply.ts";
import { deploymentPatchSchema } from "../modules/usecases/apply-options.ts";
import { deploymentIdSchema, deploymentViewSchema } from "../modules/usecases/deployment-view.ts";
import { actorOf } from "../modules/usecases/manage-tokens.ts";

export default endpoint({
  method: "PATCH",
  path: "/api/v1/products/{productId}/deployments/{deploymentId}",
  summary: "Change limits, gate or end of a deployment; null lifts a limit",
  description: "Takes effect at once, for what is under way too.",
  tags: ["deployments"],
  security: { role: "operator", scope: "product" },
  params: z.strictObject({ productId: productIdSchema, deploymentId: deploymentIdSchema }),
  body: deploymentPatchSchema.meta({ example: { rollout: { ratePerMinute: 600 }, gate: null } }),
  reply: { status: 200, schema: deploymentViewSchema },
  errors: ["DEPLOYMENT_FINISHED"],

  handle: async ({ params, body, precondition, principal }, { app }) => {
    await app.products.require(params.productId);
    const view = await app.steer.patch({ ...params, actor: actorOf(principal) }, body, precondition);
    return tagged(view, view.revision);
  },
});
