import { z } from "zod";
import { endpoint } from "../modules/app.ts";
import { OtauError } from "../modules/errors.ts";
import { productIdSchema } from "../modules/otau/ids.ts";

/** An endpoint: the devices of a site, by the tag `site`. Copy it to `endpoints/`. */
export default endpoint({
  method: "GET",
  path: "/api/v1/products/{productId}/sites/{site}/devices",
  summary: "List the devices of a site",
  tags: ["sites"],
  security: { role: "viewer", scope: "product" },
  params: z.strictObject({ productId: productIdSchema, site: z.string().max(256) }),
  reply: {
    status: 200,
    schema: z.strictObject({
      devices: z.array(z.strictObject({ identity: z.string(), online: z.boolean() })),
      mayLoadMore: z.boolean(),
    }),
  },
  errors: [],

  handle: async ({ params }, { Device2 }) => {
    // Device2 means the devices of the product in the path.
    const found = await Device2.listIdentities({ tag: { name: "site", value: params.site }, limit: 1000 });
    if (found.error !== undefined) {
      if (found.status === 404) throw new OtauError("NOT_FOUND", `There is no product ${params.productId}.`);
      throw new OtauError("STORE_UNAVAILABLE", found.error, { retryAfterSeconds: 1 });
    }
    const devices = found.devices.map(({ identity, online }) => ({ identity, online }));
    return { devices, mayLoadMore: found.mayLoadMore };
  },
});
