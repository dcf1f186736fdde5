import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { productIdSchema } from "../modules/otau/ids.ts";
import { respondLines } from "../modules/runtime/lines.ts";

export default endpoint({
  method: "GET",
  path: "/api/v1/products/{productId}/audit/export",
  summary: "Send the whole journal with its chain, to be checked",
  description:
    "One row a line: the exact text of each journal line, and between them `begin`, `point` and `end` with `{ number, digest }`. Each digest is the SHA-256 (base64url) of the digest before, a line break and the line's text; `otau audit verify` checks them.",
  tags: ["events"],
  security: { role: "viewer", scope: "product" },
  params: z.strictObject({ productId: productIdSchema }),
  reply: { status: 200, contentType: "application/x-ndjson", description: "The journal, oldest line first" },
  errors: [],

  handle: async ({ params }, { app }) => {
    await app.products.require(params.productId);
    return respondLines(app.audit.export(params.productId));
  },
});
