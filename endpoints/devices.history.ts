import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { identitySchema, productIdSchema } from "../modules/otau/ids.ts";
import { toHistoryView } from "../modules/otau/update-view.ts";
import { decodeCursor, encodeCursor, listQuery, listReply } from "../modules/runtime/pagination.ts";
import { historyReplySchema } from "../modules/usecases/device-view.ts";
import { unknownDevice } from "../modules/usecases/list-devices.ts";

export default endpoint({
  method: "GET",
  path: "/api/v1/products/{productId}/devices/{identity}/history",
  summary: "List all that happened to a device, oldest first",
  description: "Every report, write, deadline and act, also of a device that was deleted not long ago.",
  tags: ["devices"],
  security: { role: "viewer", scope: "product" },
  params: z.strictObject({ productId: productIdSchema, identity: identitySchema }),
  query: listQuery({ order: z.enum(["asc", "desc"]).default("asc") }),
  reply: { status: 200, schema: listReply(historyReplySchema) },
  errors: ["CURSOR_INVALID"],

  handle: async ({ params, query }, { app }) => {
    await app.products.require(params.productId);
    const filters = { ...query, ...params };
    const after = decodeCursor(query.cursor, filters, z.int());
    const { limit, order } = query;
    const page = { limit, order, ...(after === undefined ? {} : { after }) };
    const found = await app.read.devices.history(params, page);
    if (found === undefined) throw unknownDevice(params);
    const { lines, next } = found;
    return {
      items: lines.map((line) => toHistoryView(line, found)),
      next: next === undefined ? null : encodeCursor(next, filters),
    };
  },
});
