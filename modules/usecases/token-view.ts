import { z } from "zod";
import { productIdSchema } from "../otau/ids.ts";
import { type AppTokenRecord, roles } from "./ports.ts";

/** Id of a token of the app API; which there are is for the store to say. */
export const tokenIdSchema = z.string().min(1).max(128);

/** What a new token is made of. */
export const newTokenSchema = z.strictObject({
  name: z.string().min(1).max(256).meta({ example: "dashboard" }),
  role: z.enum(roles),
  products: z
    .array(z.union([z.literal("*"), productIdSchema]))
    .min(1)
    .max(1000)
    .refine((products) => products.length === 1 || !products.includes("*"), {
      error: '"*" means all products and stands alone',
    })
    .meta({ description: '`["*"]`, or ids of products' }),
  expiresAt: z.iso.datetime({ offset: true }).optional(),
});

/** A token as the app API shows it: never its secret. */
export const tokenViewSchema = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    role: z.enum(roles),
    products: z.array(z.string()),
    createdAt: z.iso.datetime(),
    expiresAt: z.iso.datetime().optional(),
    revision: z.int(),
  })
  .meta({ id: "Token" });
export type TokenView = z.infer<typeof tokenViewSchema>;

/** A token with its secret, which is shown this once. */
export const tokenSecretSchema = tokenViewSchema
  .extend({ token: z.string() })
  .meta({ id: "TokenWithSecret" });

const iso = (ms: number) => new Date(ms).toISOString();

export const toTokenView = ({ expiresAt, createdAt, products, ...rest }: AppTokenRecord): TokenView => ({
  ...rest,
  products: [...products],
  createdAt: iso(createdAt),
  ...(expiresAt === undefined ? {} : { expiresAt: iso(expiresAt) }),
});
