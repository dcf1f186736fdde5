import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { productIdSchema } from "../modules/otau/ids.ts";
import { respond } from "../modules/runtime/reply.ts";
import { productSettingsSchema } from "../modules/usecases/product-settings.ts";
import { productViewSchema, toProductView } from "../modules/usecases/product-view.ts";

export default endpoint({
  method: "PUT",
  path: "/api/v1/products/{productId}",
  summary: "Make a product, or replace its settings",
  description: "What is left out follows the defaults again.",
  tags: ["products"],
  security: { role: "admin", scope: "product" },
  params: z.strictObject({ productId: productIdSchema }),
  body: productSettingsSchema.prefault({}).meta({ example: { name: "IoT gateway", confirm: "required" } }),
  reply: [
    { status: 200, schema: productViewSchema },
    { status: 201, schema: productViewSchema },
  ],
  errors: [],

  handle: async ({ params, body, precondition }, { app }) => {
    const { record, created } = await app.products.put(params.productId, body, precondition);
    return respond(toProductView(record), { status: created ? 201 : 200, revision: record.revision });
  },
});
