import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { identitySchema, productIdSchema } from "../modules/otau/ids.ts";
import { deviceStateSchema } from "../modules/usecases/device-state.ts";

export default endpoint({
  method: "GET",
  path: "/api/v1/products/{productId}/devices/{identity}/state",
  summary: "Show a device's resources (Murano's getIdentityState)",
  tags: ["devices"],
  security: { role: "viewer", scope: "product" },
  params: z.strictObject({ productId: productIdSchema, identity: identitySchema }),
  reply: { status: 200, schema: deviceStateSchema },
  errors: [],

  handle: async ({ params }, { app }) => {
    await app.products.require(params.productId);
    return app.deviceState.getState(params);
  },
});
