import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { contentIdSchema, productIdSchema } from "../modules/otau/ids.ts";
import { tagged } from "../modules/runtime/reply.ts";
import { packageViewSchema } from "../modules/usecases/package-view.ts";

export default endpoint({
  method: "GET",
  path: "/api/v1/products/{productId}/packages/{packageId}",
  summary: "Show a package, and what is wrong with it",
  tags: ["packages"],
  security: { role: "viewer", scope: "product" },
  params: z.strictObject({ productId: productIdSchema, packageId: contentIdSchema }),
  reply: { status: 200, schema: packageViewSchema },
  errors: [],

  handle: async ({ params }, { app }) => {
    await app.products.require(params.productId);
    const record = await app.content.getPackage(params.productId, params.packageId);
    return tagged(await app.packages.view(record), record.revision);
  },
});
