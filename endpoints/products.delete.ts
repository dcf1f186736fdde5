import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { productIdSchema } from "../modules/otau/ids.ts";
import { noContent } from "../modules/runtime/reply.ts";

export default endpoint({
  method: "DELETE",
  path: "/api/v1/products/{productId}",
  summary: "Delete a product that has neither devices nor content",
  tags: ["products"],
  security: { role: "admin", scope: "product" },
  params: z.strictObject({ productId: productIdSchema }),
  reply: { status: 204 },
  errors: ["PRODUCT_NOT_EMPTY"],

  handle: async ({ params, precondition }, { app }) => {
    await app.products.remove(params.productId, precondition);
    return noContent();
  },
});
