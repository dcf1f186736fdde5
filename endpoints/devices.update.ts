import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { identitySchema, productIdSchema } from "../modules/otau/ids.ts";
import { tagged } from "../modules/runtime/reply.ts";
import { updateReplySchema } from "../modules/usecases/device-view.ts";
import { loadShownUpdate } from "../modules/usecases/list-devices.ts";

export default endpoint({
  method: "GET",
  path: "/api/v1/products/{productId}/devices/{identity}/update",
  summary: "Show the device's live update, else its newest",
  tags: ["devices"],
  security: { role: "viewer", scope: "product" },
  params: z.strictObject({ productId: productIdSchema, identity: identitySchema }),
  reply: { status: 200, schema: updateReplySchema },
  errors: [],

  handle: async ({ params }, { app }) => {
    await app.products.require(params.productId);
    const view = await loadShownUpdate(app.read.devices, params);
    return tagged(view, view.revision);
  },
});
