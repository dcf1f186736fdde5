import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { contentIdSchema, productIdSchema } from "../modules/otau/ids.ts";
import { noContent } from "../modules/runtime/reply.ts";
import { actorOf } from "../modules/usecases/manage-tokens.ts";

export default endpoint({
  method: "DELETE",
  path: "/api/v1/products/{productId}/packages/{packageId}",
  summary: "Delete a package that no update under way refers to",
  description: "Deployments keep their own copy: history goes on showing what was applied.",
  tags: ["packages"],
  security: { role: "publisher", scope: "product" },
  params: z.strictObject({ productId: productIdSchema, packageId: contentIdSchema }),
  reply: { status: 204 },
  errors: ["PACKAGE_IN_USE"],

  handle: async ({ params, precondition, principal }, { app }) => {
    const { productId, packageId } = params;
    await app.products.require(productId);
    await app.content.getPackage(productId, packageId);
    await app.content.remove(productId, packageId, precondition, actorOf(principal));
    return noContent();
  },
});
