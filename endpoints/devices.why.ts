import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { identitySchema, productIdSchema } from "../modules/otau/ids.ts";
import { whyViewSchema } from "../modules/usecases/explain-device.ts";

export default endpoint({
  method: "GET",
  path: "/api/v1/products/{productId}/devices/{identity}/why",
  summary: "Say why a device is not updating, or that all is well",
  tags: ["devices"],
  security: { role: "viewer", scope: "product" },
  params: z.strictObject({ productId: productIdSchema, identity: identitySchema }),
  reply: { status: 200, schema: whyViewSchema },
  errors: [],

  handle: async ({ params }, { app }) => {
    await app.products.require(params.productId);
    return app.explainDevice(params);
  },
});
