import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { contentIdSchema, productIdSchema } from "../modules/otau/ids.ts";
import { tagged } from "../modules/runtime/reply.ts";
import { actorOf } from "../modules/usecases/manage-tokens.ts";
import { packageViewSchema } from "../modules/usecases/package-view.ts";

export default endpoint({
  method: "POST",
  path: "/api/v1/products/{productId}/packages/{packageId}/restore",
  summary: "Make a withdrawn package available again",
  tags: ["packages"],
  security: { role: "publisher", scope: "product" },
  params: z.strictObject({ productId: productIdSchema, packageId: contentIdSchema }),
  reply: { status: 200, schema: packageViewSchema },
  errors: [],

  handle: async ({ params, principal }, { app }) => {
    await app.products.require(params.productId);
    const view = await app.packages.restore(params.productId, params.packageId, actorOf(principal));
    return tagged(view, view.revision);
  },
});
