import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { productIdSchema } from "../modules/otau/ids.ts";
import { deploymentIdSchema } from "../modules/usecases/deployment-view.ts";
import { actorOf } from "../modules/usecases/manage-tokens.ts";
import { retriableStates, retryReplySchema } from "../modules/usecases/retry-updates.ts";

export default endpoint({
  method: "POST",
  path: "/api/v1/products/{productId}/deployments/{deploymentId}/retry",
  summary: "Open updates of a deployment again that ended in the named states",
  description: "An ended deployment runs again until all are final. Sent twice, it retries once.",
  tags: ["deployments"],
  security: { role: "operator", scope: "product" },
  params: z.strictObject({ productId: productIdSchema, deploymentId: deploymentIdSchema }),
  body: z.strictObject({
    states: z
      .array(z.enum(retriableStates))
      .min(1)
      .meta({ example: ["failed", "timed_out"] }),
  }),
  reply: { status: 200, schema: retryReplySchema },
  errors: [],

  handle: async ({ params, body, principal }, { app }) => {
    await app.products.require(params.productId);
    const states = [...new Set(body.states)];
    return app.retryUpdates.retryDeployment({ ...params, states, actor: actorOf(principal) });
  },
});
