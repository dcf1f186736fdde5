import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { identitySchema, productIdSchema } from "../modules/otau/ids.ts";
import { actorOf } from "../modules/usecases/manage-tokens.ts";

export default endpoint({
  method: "POST",
  path: "/api/v1/products/{productId}/devices/{identity}/token",
  summary: "Give a device a new token, shown this once; the older one ends",
  description: "With `revoke` it ends without a new one, and the device may activate itself again.",
  tags: ["devices"],
  security: { role: "operator", scope: "product" },
  params: z.strictObject({ productId: productIdSchema, identity: identitySchema }),
  body: z.strictObject({ revoke: z.boolean().default(false) }).prefault({}),
  reply: {
    status: 200,
    schema: z.strictObject({
      token: z.string().optional().meta({ description: "40 hex characters; absent after `revoke`" }),
    }),
  },
  errors: [],

  handle: async ({ params, body, principal }, { app }) => {
    await app.products.require(params.productId);
    return app.devices.resetToken(params, body.revoke, actorOf(principal));
  },
});
