import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { contentIdSchema, productIdSchema } from "../modules/otau/ids.ts";
import { streamed } from "../modules/runtime/reply.ts";

export default endpoint({
  method: "GET",
  path: "/api/v1/products/{productId}/content/{id}/data",
  summary: "Download the bytes of an item, in its own media type",
  tags: ["content"],
  security: { role: "viewer", scope: "product" },
  params: z.strictObject({ productId: productIdSchema, id: contentIdSchema }),
  reply: { status: 200, contentType: "application/octet-stream" },
  errors: [],

  handle: async ({ params }, { app }) => {
    await app.products.require(params.productId);
    const { record, bytes } = await app.content.open(params.productId, params.id);
    return streamed(bytes, {
      headers: {
        "content-type": record.type,
        "content-length": String(record.length),
        // Saved, never shown: what somebody uploaded must not run as a page of ours.
        "content-disposition": "attachment",
        etag: `"${record.revision}"`,
      },
    });
  },
});
