import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { identitySchema, productIdSchema } from "../modules/otau/ids.ts";
import { tagged } from "../modules/runtime/reply.ts";
import { devicePatchSchema, deviceViewSchema } from "../modules/usecases/device-view.ts";
import { loadDeviceView } from "../modules/usecases/list-devices.ts";
import { actorOf } from "../modules/usecases/manage-tokens.ts";

export default endpoint({
  method: "PATCH",
  path: "/api/v1/products/{productId}/devices/{identity}",
  summary: "Change tags of a device; null takes one away",
  tags: ["devices"],
  security: { role: "operator", scope: "product" },
  params: z.strictObject({ productId: productIdSchema, identity: identitySchema }),
  body: devicePatchSchema.meta({ example: { tags: { site: "berlin", room: null } } }),
  reply: { status: 200, schema: deviceViewSchema },
  errors: [],

  handle: async ({ params, body, precondition, principal }, { app }) => {
    await app.products.require(params.productId);
    await app.devices.patch(params, body, precondition, actorOf(principal));
    const view = await loadDeviceView(app.read.devices, params);
    return tagged(view, view.revision);
  },
});
