import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { productIdSchema } from "../modules/otau/ids.ts";
import { summarySchema } from "../modules/usecases/device-view.ts";

export default endpoint({
  method: "GET",
  path: "/api/v1/products/{productId}/summary",
  summary: "Count devices by update state, installed version, drift, online and last seen: exact",
  tags: ["devices"],
  security: { role: "viewer", scope: "product" },
  params: z.strictObject({ productId: productIdSchema }),
  reply: { status: 200, schema: summarySchema },
  errors: [],

  handle: async ({ params }, { app }) => {
    await app.products.require(params.productId);
    return app.read.devices.summary(params.productId);
  },
});
