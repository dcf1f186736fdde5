import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { contentIdSchema, productIdSchema } from "../modules/otau/ids.ts";
import { accepted, respond } from "../modules/runtime/reply.ts";
import { applyBodySchema, applyReplySchema, dryRunReplySchema } from "../modules/usecases/apply-options.ts";
import { actorOf } from "../modules/usecases/manage-tokens.ts";

export default endpoint({
  method: "POST",
  path: "/api/v1/products/{productId}/packages/{packageId}/apply",
  summary: "Bring a package to devices",
  description:
    "Answers when every update is stored: each reaches a final state. With `options.dryRun` nothing is written, and the answer says what would come of it.",
  tags: ["packages"],
  security: { role: "operator", scope: "product" },
  params: z.strictObject({ productId: productIdSchema, packageId: contentIdSchema }),
  body: applyBodySchema.meta({ example: { devices: ["gw-1", "gw-2"] } }),
  bodyLimitBytes: 16 * 1024 * 1024,
  idempotency: "own",
  reply: [
    { status: 202, schema: applyReplySchema },
    { status: 200, schema: dryRunReplySchema, description: "What would come of it (`dryRun`)" },
  ],
  errors: ["PACKAGE_INVALID", "PACKAGE_WITHDRAWN", "UNKNOWN_DEVICES", "EMPTY_TARGET", "UPDATE_IN_PROGRESS"],

  handle: async ({ params, body, idempotency, principal }, { app }) => {
    const { productId, packageId } = params;
    await app.products.require(productId);
    const applied = await app.applyPackage({
      productId,
      packageId,
      body,
      actor: actorOf(principal),
      ...(idempotency && {
        idempotency: { record: `${idempotency.scope}/${idempotency.key}`, digest: idempotency.digest },
      }),
    });
    if (applied.kind === "dryRun") return respond(applied.reply, { status: 200 });
    const { id } = applied.reply.deployment;
    return accepted(`/api/v1/products/${productId}/deployments/${id}`, applied.reply);
  },
});
