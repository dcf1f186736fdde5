import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { decodeCursor, encodeCursor, listQuery, listReply } from "../modules/runtime/pagination.ts";
import { requireAllProducts } from "../modules/usecases/manage-tokens.ts";
import { tokenViewSchema, toTokenView } from "../modules/usecases/token-view.ts";

export default endpoint({
  method: "GET",
  path: "/api/v1/tokens",
  summary: "List the tokens of people and programs, without their secrets",
  tags: ["tokens"],
  security: { role: "admin", scope: "root" },
  query: listQuery({}),
  reply: { status: 200, schema: listReply(tokenViewSchema) },
  errors: ["CURSOR_INVALID"],

  handle: async ({ query, principal }, { app }) => {
    requireAllProducts(principal);
    const after = decodeCursor(query.cursor, query, z.string());
    const { items, next } = await app.tokens.list({
      limit: query.limit,
      ...(after === undefined ? {} : { after }),
    });
    return { items: items.map(toTokenView), next: next === undefined ? null : encodeCursor(next, query) };
  },
});
