import { z } from "zod";
import type { ProductRecord } from "./ports.ts";
import { type ProductSettingsInput, productSettingsSchema } from "./product-settings.ts";

/** A product as the app API shows it: what is set for it; what is not set follows the defaults. */
export const productViewSchema = productSettingsSchema
  .extend({ id: z.string(), createdAt: z.iso.datetime(), revision: z.int() })
  .meta({ id: "Product" });
export type ProductView = z.infer<typeof productViewSchema>;

export const toProductView = ({ id, settings, createdAt, revision }: ProductRecord): ProductView => ({
  ...(settings as ProductSettingsInput),
  id,
  createdAt: new Date(createdAt).toISOString(),
  revision,
});
