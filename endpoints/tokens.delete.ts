import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { noContent } from "../modules/runtime/reply.ts";
import { requireAllProducts } from "../modules/usecases/manage-tokens.ts";
import { tokenIdSchema } from "../modules/usecases/token-view.ts";

export default endpoint({
  method: "DELETE",
  path: "/api/v1/tokens/{tokenId}",
  summary: "End a token at once",
  tags: ["tokens"],
  security: { role: "admin", scope: "root" },
  params: z.strictObject({ tokenId: tokenIdSchema }),
  reply: { status: 204 },
  errors: [],

  handle: async ({ params, precondition, principal }, { app }) => {
    requireAllProducts(principal);
    await app.tokens.remove(params.tokenId, precondition);
    return noContent();
  },
});
