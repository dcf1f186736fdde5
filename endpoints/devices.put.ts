import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { identitySchema, productIdSchema } from "../modules/otau/ids.ts";
import { tagged } from "../modules/runtime/reply.ts";
import { deviceBodySchema, deviceViewSchema } from "../modules/usecases/device-view.ts";
import { loadDeviceView } from "../modules/usecases/list-devices.ts";
import { actorOf } from "../modules/usecases/manage-tokens.ts";

export default endpoint({
  method: "PUT",
  path: "/api/v1/products/{productId}/devices/{identity}",
  summary: "Register a device, or replace its tags",
  tags: ["devices"],
  security: { role: "operator", scope: "product" },
  params: z.strictObject({ productId: productIdSchema, identity: identitySchema }),
  body: deviceBodySchema.prefault({}),
  reply: [
    { status: 200, schema: deviceViewSchema },
    { status: 201, schema: deviceViewSchema },
  ],
  errors: [],

  handle: async ({ params, body, precondition, principal }, { app }) => {
    await app.products.require(params.productId);
    const { created } = await app.devices.put(params, body, precondition, actorOf(principal));
    const view = await loadDeviceView(app.read.devices, params);
    return tagged(view, view.revision, { status: created ? 201 : 200 });
  },
});
