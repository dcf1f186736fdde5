import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { productIdSchema } from "../modules/otau/ids.ts";
import { revised } from "../modules/runtime/reply.ts";
import { productViewSchema, toProductView } from "../modules/usecases/product-view.ts";

export default endpoint({
  method: "GET",
  path: "/api/v1/products/{productId}",
  summary: "Show a product and what is set for it",
  tags: ["products"],
  security: { role: "viewer", scope: "product" },
  params: z.strictObject({ productId: productIdSchema }),
  reply: { status: 200, schema: productViewSchema },
  errors: [],

  handle: async ({ params }, { app }) => {
    const record = await app.products.get(params.productId);
    return revised(toProductView(record), record.revision);
  },
});
