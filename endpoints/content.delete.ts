import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { contentIdSchema, productIdSchema } from "../modules/otau/ids.ts";
import { noContent } from "../modules/runtime/reply.ts";
import { actorOf } from "../modules/usecases/manage-tokens.ts";

export default endpoint({
  method: "DELETE",
  path: "/api/v1/products/{productId}/content/{id}",
  summary: "Delete an item of the content area",
  tags: ["content"],
  security: { role: "publisher", scope: "product" },
  params: z.strictObject({ productId: productIdSchema, id: contentIdSchema }),
  reply: { status: 204 },
  errors: ["PACKAGE_IN_USE"],

  handle: async ({ params, precondition, principal }, { app }) => {
    await app.products.require(params.productId);
    await app.content.remove(params.productId, params.id, precondition, actorOf(principal));
    return noContent();
  },
});
