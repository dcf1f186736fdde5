import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { identitySchema, productIdSchema } from "../modules/otau/ids.ts";
import { decodeCursor, encodeCursor, listQuery, listReply } from "../modules/runtime/pagination.ts";
import { applicablePackageSchema } from "../modules/usecases/package-view.ts";

export default endpoint({
  method: "GET",
  path: "/api/v1/products/{productId}/devices/{identity}/packages",
  summary: "List the packages that can be applied to a device, newest first",
  tags: ["devices"],
  security: { role: "viewer", scope: "product" },
  params: z.strictObject({ productId: productIdSchema, identity: identitySchema }),
  query: listQuery({}),
  reply: { status: 200, schema: listReply(applicablePackageSchema) },
  errors: ["CURSOR_INVALID"],

  handle: async ({ params, query }, { app }) => {
    await app.products.require(params.productId);
    const filters = { ...query, ...params };
    const before = decodeCursor(query.cursor, filters, z.int());
    const page = { limit: query.limit, ...(before === undefined ? {} : { before }) };
    const { items, next } = await app.packages.applicableTo(params, page);
    return { items, next: next === undefined ? null : encodeCursor(next, filters) };
  },
});
