import { z } from "zod";
import type { ProductRecord } from "./ports.ts";
import { type ProductSettingsInput, productSettingsSchema } from "./product-settings.ts";

/** A product as the app API shows it: what is set for it; what is not set follows the defaults. */
export const productViewSchema = productSettingsSchema
  .extend({
    /** Without its secret. */
    connector: z.strictObject({ url: z.string() }).optional(),
    id: z.string(),
    createdAt: z.iso.datetime(),
    revision: z.int(),
  })
  .meta({ id: "Product" });
export type ProductView = z.infer<typeof productViewSchema>;

export function toProductView({ id, settings, createdAt, revision }: ProductRecord): ProductView {
  const { connector, ...others } = settings as ProductSettingsInput;
  return {
    ...others,
    ...(connector === undefined ? {} : { connector: { url: connector.url } }),
    id,
    createdAt: new Date(createdAt).toISOString(),
    revision,
  };
}
