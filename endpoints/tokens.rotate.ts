import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { revised } from "../modules/runtime/reply.ts";
import { requireAllProducts } from "../modules/usecases/manage-tokens.ts";
import { tokenIdSchema, tokenSecretSchema, toTokenView } from "../modules/usecases/token-view.ts";

export default endpoint({
  method: "POST",
  path: "/api/v1/tokens/{tokenId}/rotate",
  summary: "Replace a token's secret; the new one is shown this once, the old one ends at once",
  tags: ["tokens"],
  security: { role: "admin", scope: "root" },
  params: z.strictObject({ tokenId: tokenIdSchema }),
  reply: { status: 200, schema: tokenSecretSchema },
  errors: [],

  handle: async ({ params, principal }, { app }) => {
    requireAllProducts(principal);
    const { record, token } = await app.tokens.rotate(params.tokenId);
    return revised({ ...toTokenView(record), token }, record.revision);
  },
});
