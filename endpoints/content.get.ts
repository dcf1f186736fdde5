import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { contentIdSchema, productIdSchema } from "../modules/otau/ids.ts";
import { revised } from "../modules/runtime/reply.ts";
import { contentViewSchema, toContentView } from "../modules/usecases/package-view.ts";

export default endpoint({
  method: "GET",
  path: "/api/v1/products/{productId}/content/{id}",
  summary: "Show an item of the content area: its length, digest, type and tags",
  tags: ["content"],
  security: { role: "viewer", scope: "product" },
  params: z.strictObject({ productId: productIdSchema, id: contentIdSchema }),
  reply: { status: 200, schema: contentViewSchema },
  errors: [],

  handle: async ({ params }, { app }) => {
    await app.products.require(params.productId);
    const record = await app.content.get(params.productId, params.id);
    return revised(toContentView(record, app.rules), record.revision);
  },
});
