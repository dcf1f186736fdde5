import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { packageIdSchema, productIdSchema } from "../modules/otau/ids.ts";
import { tagged } from "../modules/runtime/reply.ts";
import { actorOf } from "../modules/usecases/manage-tokens.ts";
import { packageBodySchema, packageViewSchema } from "../modules/usecases/package-view.ts";

export default endpoint({
  method: "PUT",
  path: "/api/v1/products/{productId}/packages/{packageId}",
  summary: "Register a package from its description, or replace it",
  description:
    "Makes a content item of zero bytes with the tag `otau_info`. Devices get the exact text of `config_otau` as it stands in this body. The same text again changes nothing.",
  tags: ["packages"],
  security: { role: "publisher", scope: "product" },
  params: z.strictObject({ productId: productIdSchema, packageId: packageIdSchema }),
  body: packageBodySchema,
  reply: [
    { status: 200, schema: packageViewSchema },
    { status: 201, schema: packageViewSchema },
  ],
  errors: ["INVALID_PACKAGE", "PACKAGE_IN_USE"],

  handle: async ({ params, text, precondition, principal }, { app }) => {
    await app.products.require(params.productId);
    const { view, created } = await app.packages.put({
      productId: params.productId,
      id: params.packageId,
      bodyText: text,
      precondition,
      actor: actorOf(principal),
    });
    return tagged(view, view.revision, { status: created ? 201 : 200 });
  },
});
