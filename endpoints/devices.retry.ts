import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { identitySchema, productIdSchema } from "../modules/otau/ids.ts";
import { tagged } from "../modules/runtime/reply.ts";
import { updateReplySchema } from "../modules/usecases/device-view.ts";
import { findDeployment, loadUpdate } from "../modules/usecases/list-devices.ts";
import { actorOf } from "../modules/usecases/manage-tokens.ts";

export default endpoint({
  method: "POST",
  path: "/api/v1/products/{productId}/devices/{identity}/retry",
  summary: "Open the device's newest update again that failed, timed out, was aborted or canceled",
  description: "With `updateId` that one alone.",
  tags: ["devices"],
  security: { role: "operator", scope: "product" },
  params: z.strictObject({ productId: productIdSchema, identity: identitySchema }),
  body: z.strictObject({ updateId: z.string().max(256).optional() }).prefault({}),
  reply: { status: 200, schema: updateReplySchema },
  errors: ["NOTHING_TO_RETRY", "PACKAGE_WITHDRAWN"],

  handle: async ({ params, body, principal }, { app }) => {
    await app.products.require(params.productId);
    const wanted = await findDeployment(app.read.devices, params, body.updateId);
    const deploymentId = await app.retryUpdates.retryDevice(params, wanted, actorOf(principal));
    const view = await loadUpdate(app.read.devices, params, deploymentId);
    return tagged(view, view.revision);
  },
});
