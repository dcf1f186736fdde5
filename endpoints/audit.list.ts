import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { identitySchema, productIdSchema } from "../modules/otau/ids.ts";
import { decodeCursor, encodeCursor, listQuery, listReply } from "../modules/runtime/pagination.ts";
import { queryMany } from "../modules/runtime/query.ts";
import { respondJsonText } from "../modules/runtime/reply.ts";
import { deploymentIdSchema } from "../modules/usecases/deployment-view.ts";
import { journalLineSchema, typesQuery } from "../modules/usecases/journal-line.ts";

const time = z.iso.datetime({ offset: true }).optional();

export default endpoint({
  method: "GET",
  path: "/api/v1/products/{productId}/audit",
  summary: "List every change and every refused act, oldest first",
  description:
    "A page may hold fewer lines than asked for, or none, and still have a `next`: it looks at a bounded number of lines.",
  tags: ["events"],
  security: { role: "viewer", scope: "product" },
  params: z.strictObject({ productId: productIdSchema }),
  query: listQuery({
    types: typesQuery,
    identity: queryMany(identitySchema),
    deploymentId: queryMany(deploymentIdSchema),
    actor: queryMany(z.string().min(1).max(256)).meta({ description: "An actor's id, or `kind:id`" }),
    from: time.meta({ description: "Lines of this time and later" }),
    to: time.meta({ description: "Lines before this time" }),
    order: z.enum(["asc", "desc"]).default("asc"),
  }),
  reply: { status: 200, schema: listReply(journalLineSchema) },
  errors: ["CURSOR_INVALID"],

  handle: async ({ params, query }, { app }) => {
    await app.products.require(params.productId);
    const filters = { ...query, ...params };
    const position = decodeCursor(query.cursor, filters, z.int());
    const { from, to, limit, order, ...rest } = query;
    const filter = {
      ...rest,
      from: from === undefined ? undefined : Date.parse(from),
      to: to === undefined ? undefined : Date.parse(to),
    };
    const { texts, next } = await app.audit.list(params.productId, filter, { position, limit, order });
    const cursor = next === undefined ? null : encodeCursor(next, filters);
    // The texts are what was chained, and are sent as they are.
    return respondJsonText(`{"items":[${texts.join(",")}],"next":${JSON.stringify(cursor)}}`);
  },
});
