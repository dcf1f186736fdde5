import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { identitySchema, productIdSchema } from "../modules/otau/ids.ts";
import { decodeCursor, encodeCursor, listQuery, listReply } from "../modules/runtime/pagination.ts";
import { toRowView, updateReplySchema } from "../modules/usecases/device-view.ts";
import { unknownDevice } from "../modules/usecases/list-devices.ts";

export default endpoint({
  method: "GET",
  path: "/api/v1/products/{productId}/devices/{identity}/updates",
  summary: "List all updates of a device, newest first",
  tags: ["devices"],
  security: { role: "viewer", scope: "product" },
  params: z.strictObject({ productId: productIdSchema, identity: identitySchema }),
  query: listQuery({}),
  reply: { status: 200, schema: listReply(updateReplySchema) },
  errors: ["CURSOR_INVALID"],

  handle: async ({ params, query }, { app }) => {
    await app.products.require(params.productId);
    const filters = { ...query, ...params };
    const before = decodeCursor(query.cursor, filters, z.int());
    const page = { limit: query.limit, ...(before === undefined ? {} : { before }) };
    const found = await app.updates.ofDevice(params, page);
    if (found === undefined) throw unknownDevice(params);
    const { items, next } = found;
    return { items: items.map(toRowView), next: next === undefined ? null : encodeCursor(next, filters) };
  },
});
