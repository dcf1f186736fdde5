import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { productIdSchema, tagNameSchema } from "../modules/otau/ids.ts";
import { decodeCursor, encodeCursor, listQuery, listReply } from "../modules/runtime/pagination.ts";
import { prefixedOf, queryBoolean, queryMany, withPrefixed } from "../modules/runtime/query.ts";
import { deviceViewSchema, shownStateSchema, toDeviceView } from "../modules/usecases/device-view.ts";
import { toDeviceFilter } from "../modules/usecases/list-devices.ts";

const filters = listQuery({
  updateState: queryMany(shownStateSchema).meta({ description: "Of the live update, else the newest" }),
  installedVersion: queryMany(z.string().min(1).max(128)),
  drifted: queryBoolean().optional(),
  online: queryBoolean().optional(),
  seenBefore: z.iso.datetime({ offset: true }).optional().meta({ description: "Not heard from since" }),
  q: z.string().max(128).optional().meta({ description: "How the identity begins, in any case" }),
});

export default endpoint({
  method: "GET",
  path: "/api/v1/products/{productId}/devices",
  summary: "List devices, by identity",
  tags: ["devices"],
  security: { role: "viewer", scope: "product" },
  params: z.strictObject({ productId: productIdSchema }),
  query: withPrefixed(filters, "tag.", tagNameSchema),
  reply: { status: 200, schema: listReply(deviceViewSchema) },
  errors: ["CURSOR_INVALID"],

  handle: async ({ params: { productId }, query }, { app }) => {
    await app.products.require(productId);
    const bound = { ...query, productId };
    const after = decodeCursor(query.cursor, bound, z.string());
    const filter = toDeviceFilter(query, prefixedOf(query, "tag."));
    const page = { limit: query.limit, past: true, ...(after === undefined ? {} : { after }) };
    const { rows, next } = await app.read.devices.list(productId, filter, page);
    return {
      items: rows.map(toDeviceView),
      next: next === undefined ? null : encodeCursor(next, bound),
    };
  },
});
