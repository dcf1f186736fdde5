import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { productIdSchema } from "../modules/otau/ids.ts";
import { queryBoolean } from "../modules/runtime/query.ts";
import { newDeviceSchema } from "../modules/usecases/device-view.ts";
import { registerReplySchema } from "../modules/usecases/manage-devices.ts";
import { actorOf } from "../modules/usecases/manage-tokens.ts";

export default endpoint({
  method: "POST",
  path: "/api/v1/products/{productId}/devices",
  summary: "Register up to 10,000 devices: creates what is new, updates what differs",
  description:
    "All or nothing: one that is not valid, and none is registered. A field left out stays as it is.",
  tags: ["devices"],
  security: { role: "operator", scope: "product" },
  params: z.strictObject({ productId: productIdSchema }),
  query: z.strictObject({
    tokens: queryBoolean().optional().meta({ description: "Give each of them a new token, shown this once" }),
  }),
  body: z
    .array(newDeviceSchema)
    .meta({ example: [{ identity: "gw-1", tags: { site: "berlin" }, installedVersion: "1.0.0" }] }),
  bodyKind: "ndjson",
  bodyLimitBytes: 16 * 1024 * 1024,
  reply: { status: 200, schema: registerReplySchema },
  errors: [],

  handle: async ({ params, query, body, principal }, { app }) => {
    await app.products.require(params.productId);
    const options = { tokens: query.tokens ?? false, actor: actorOf(principal) };
    return app.devices.register(params.productId, body, options);
  },
});
