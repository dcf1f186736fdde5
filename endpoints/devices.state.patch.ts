import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { identitySchema, productIdSchema } from "../modules/otau/ids.ts";
import { noContent } from "../modules/runtime/reply.ts";
import { requireRevision } from "../modules/usecases/list-devices.ts";
import { actorOf } from "../modules/usecases/manage-tokens.ts";

export default endpoint({
  method: "PATCH",
  path: "/api/v1/products/{productId}/devices/{identity}/state",
  summary: "Set resources of a device (Murano's setIdentityState)",
  description:
    "A valid `config_otau` is tracked as an apply is: it becomes an update in a deployment of its own. An invalid one is written and makes no update.",
  tags: ["devices"],
  security: { role: "operator", scope: "product" },
  params: z.strictObject({ productId: productIdSchema, identity: identitySchema }),
  body: z.record(z.string(), z.unknown()).meta({
    description: "Values by resource",
    example: { config_otau: '{"version":"1.0.1","name":"…","type":"JSON","payload":{}}' },
  }),
  reply: { status: 204 },
  errors: [],

  handle: async ({ params, body, precondition, principal }, { app }) => {
    await app.products.require(params.productId);
    await requireRevision(app.read.devices, params, precondition);
    await app.deviceState.setState(params, body, actorOf(principal));
    return noContent();
  },
});
