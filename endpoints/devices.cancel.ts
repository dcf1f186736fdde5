import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { identitySchema, productIdSchema } from "../modules/otau/ids.ts";
import { tagged } from "../modules/runtime/reply.ts";
import { updateReplySchema } from "../modules/usecases/device-view.ts";
import { findDeployment, loadUpdate } from "../modules/usecases/list-devices.ts";
import { actorOf } from "../modules/usecases/manage-tokens.ts";

export default endpoint({
  method: "POST",
  path: "/api/v1/products/{productId}/devices/{identity}/cancel",
  summary: "Cancel a device's update: the live one, else the newest waiting one, else the newest",
  description: "With `updateId` that one alone. A canceled one is answered with 200 again.",
  tags: ["devices"],
  security: { role: "operator", scope: "product" },
  params: z.strictObject({ productId: productIdSchema, identity: identitySchema }),
  body: z.strictObject({ updateId: z.string().max(256).optional() }).prefault({}),
  reply: { status: 200, schema: updateReplySchema },
  errors: ["ALREADY_FINAL"],

  handle: async ({ params, body, principal }, { app }) => {
    await app.products.require(params.productId);
    const wanted = await findDeployment(app.read.devices, params, body.updateId);
    const { deploymentId } = await app.cancelUpdate(params, wanted, actorOf(principal));
    const view = await loadUpdate(app.read.devices, params, deploymentId);
    return tagged(view, view.revision);
  },
});
