import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { OtauError } from "../modules/errors.ts";
import { identitySchema, productIdSchema } from "../modules/otau/ids.ts";
import { noContent } from "../modules/runtime/reply.ts";
import { actorOf } from "../modules/usecases/manage-tokens.ts";

export default endpoint({
  method: "DELETE",
  path: "/api/v1/products/{productId}/devices/{identity}",
  summary: "Delete a device: its updates end, its credentials too",
  description: "Its history can be read for a while yet. The same identity again is a new device.",
  tags: ["devices"],
  security: { role: "operator", scope: "product" },
  params: z.strictObject({ productId: productIdSchema, identity: identitySchema }),
  reply: { status: 204 },
  errors: [],

  handle: async ({ params, precondition, principal }, { app }) => {
    await app.products.require(params.productId);
    if (await app.devices.remove(params, precondition, actorOf(principal))) return noContent();
    throw new OtauError("NOT_FOUND", `There is no device ${params.identity} in product ${params.productId}.`);
  },
});
