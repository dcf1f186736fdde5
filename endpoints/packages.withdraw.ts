import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { contentIdSchema, productIdSchema } from "../modules/otau/ids.ts";
import { tagged } from "../modules/runtime/reply.ts";
import { actorOf } from "../modules/usecases/manage-tokens.ts";
import { packageViewSchema } from "../modules/usecases/package-view.ts";

export default endpoint({
  method: "POST",
  path: "/api/v1/products/{productId}/packages/{packageId}/withdraw",
  summary: "Block new applies of a package",
  description: "No attempt of it is repeated any more; with `stop` what devices have not begun is canceled.",
  tags: ["packages"],
  security: { role: "publisher", scope: "product" },
  params: z.strictObject({ productId: productIdSchema, packageId: contentIdSchema }),
  body: z.strictObject({
    reason: z.string().min(1).max(1024).meta({ example: "drains the battery" }),
    stop: z.boolean().default(false),
  }),
  reply: { status: 200, schema: packageViewSchema },
  errors: [],

  handle: async ({ params, body, principal }, { app }) => {
    const { productId, packageId } = params;
    await app.products.require(productId);
    const view = await app.packages.withdraw(productId, packageId, body, actorOf(principal));
    return tagged(view, view.revision);
  },
});
