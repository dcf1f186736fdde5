import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { decodeCursor, encodeCursor, listQuery, listReply } from "../modules/runtime/pagination.ts";
import { productViewSchema, toProductView } from "../modules/usecases/product-view.ts";

export default endpoint({
  method: "GET",
  path: "/api/v1/products",
  summary: "List the products this token may see, by id",
  tags: ["products"],
  security: { role: "viewer", scope: "root" },
  query: listQuery({}),
  reply: { status: 200, schema: listReply(productViewSchema) },
  errors: ["CURSOR_INVALID"],

  handle: async ({ query, principal }, { app }) => {
    const after = decodeCursor(query.cursor, query, z.string());
    const page = { limit: query.limit, ...(after === undefined ? {} : { after }) };
    const only = principal.products === "*" ? undefined : principal.products;
    const { items, next } = await app.products.list(page, only);
    return {
      items: items.map(toProductView),
      next: next === undefined ? null : encodeCursor(next, query),
    };
  },
});
