import { endpoint } from "../modules/app.ts";
import { created } from "../modules/runtime/reply.ts";
import { requireAllProducts } from "../modules/usecases/manage-tokens.ts";
import { newTokenSchema, tokenSecretSchema, toTokenView } from "../modules/usecases/token-view.ts";

export default endpoint({
  method: "POST",
  path: "/api/v1/tokens",
  summary: "Make a token; its secret is shown this once",
  tags: ["tokens"],
  security: { role: "admin", scope: "root" },
  body: newTokenSchema,
  reply: { status: 201, schema: tokenSecretSchema },
  errors: [],

  handle: async ({ body, principal }, { app }) => {
    requireAllProducts(principal);
    const expiresAt = body.expiresAt === undefined ? undefined : Date.parse(body.expiresAt);
    const { record, token } = await app.tokens.create({ ...body, expiresAt });
    return created(
      `/api/v1/tokens/${record.id}`,
      { ...toTokenView(record), token },
      {
        revision: record.revision,
      },
    );
  },
});
