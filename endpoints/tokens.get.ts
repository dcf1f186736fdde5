import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { revised } from "../modules/runtime/reply.ts";
import { requireAllProducts } from "../modules/usecases/manage-tokens.ts";
import { tokenIdSchema, tokenViewSchema, toTokenView } from "../modules/usecases/token-view.ts";

export default endpoint({
  method: "GET",
  path: "/api/v1/tokens/{tokenId}",
  summary: "Show a token, without its secret",
  tags: ["tokens"],
  security: { role: "admin", scope: "root" },
  params: z.strictObject({ tokenId: tokenIdSchema }),
  reply: { status: 200, schema: tokenViewSchema },
  errors: [],

  handle: async ({ params, principal }, { app }) => {
    requireAllProducts(principal);
    const record = await app.tokens.get(params.tokenId);
    return revised(toTokenView(record), record.revision);
  },
});
