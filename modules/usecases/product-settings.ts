import { z } from "zod";
import type { Limits } from "../otau/model.ts";
import { confirmSchema, restSchema, retrySchema, timeoutsSchema } from "../otau/policy.ts";
import type { ProductStore } from "./ports.ts";

/** What an operator sets for a whole product (contract 5); every field may be left out. */
export const productSettingsSchema = z.strictObject({
  name: z.string().min(1).max(256).optional(),
  timeouts: timeoutsSchema.optional(),
  retry: retrySchema.optional(),
  confirm: confirmSchema.optional(),
  connector: z
    .strictObject({
      url: z
        .url({ protocol: /^https?$/, error: "must be an absolute https: URL" })
        .max(2048)
        .meta({ description: "Takes each value of config_otau by POST, in place of our own listeners" }),
      secret: z
        .string()
        .regex(/^whsec_[A-Za-z0-9+/_-]{16,172}={0,2}$/, { error: "must be whsec_ and then base64" })
        .optional()
        .meta({ description: "Signs the calls. Never shown; left out, the one that is set stays" }),
    })
    .optional(),
  provisioning: z.strictObject({ open: z.boolean() }).optional(),
  history: z
    .strictObject({
      maxLines: z.int().min(1).max(10_000).optional(),
      maxAgeMs: z.int().min(1000).max(31_536_000_000).optional(),
    })
    .optional(),
  /** What `approval` of an apply is where it does not say. */
  approval: z.enum(["none", "wave"]).optional(),
  downgrade: z
    .enum(["allow", "skip"])
    .optional()
    .meta({ description: "`skip`: a device with a newer version is left out, by `sequence` or semver" }),
  brake: z
    .strictObject({
      maxFailedPercent: z.number().gt(0).max(100),
      minFinished: z.int().min(1).max(10_000_000),
    })
    .optional()
    .meta({ description: "Halts every deployment of a package when so many of all its updates failed" }),
  rest: restSchema
    .optional()
    .meta({ description: "A device with so many failed attempts within a time is left alone for another" }),
  limits: z
    .strictObject({
      outageGraceMs: z.int().min(0).max(86_400_000).optional(),
      clockSkewMs: z.int().min(0).max(86_400_000).optional(),
      reportsPerSecond: z.number().min(0.01).max(1000).optional(),
    })
    .optional(),
});
export type ProductSettingsInput = z.infer<typeof productSettingsSchema>;

/** The settings of a product as they are now; `{}` for one that does not exist. */
export type ProductSettingsOf = (productId: string) => Promise<ProductSettingsInput>;

const defaultLimits: Limits = { outageGraceMs: 60_000, clockSkewMs: 5000, reportsPerSecond: 5 };

const defaultHistory = { linesMax: 500, ageMaxMs: 30 * 86_400_000 };

/** Reads settings through a cache of a second: a change of a setting need not be seen sooner. */
export function makeProductSettings(products: Pick<ProductStore, "get">, now: () => number) {
  const cache = new Map<
    string,
    { readonly until: number; readonly settings: Promise<ProductSettingsInput> }
  >();

  const lastRead = new Map<string, ProductSettingsInput>();

  const settingsOf: ProductSettingsOf = (productId) => {
    const known = cache.get(productId);
    if (known !== undefined && known.until > now()) return known.settings;
    const settings = products
      .get(productId)
      .then((record) => {
        const read = (record?.settings ?? {}) as ProductSettingsInput;
        lastRead.set(productId, read);
        return read;
      })
      .catch((error: unknown) => {
        cache.delete(productId);
        throw error;
      });
    cache.set(productId, { until: now() + 1000, settings });
    return settings;
  };

  async function limitsOf(productId: string): Promise<Limits> {
    const { limits = {}, rest } = await settingsOf(productId);
    return {
      ...(rest === undefined ? {} : { rest }),
      outageGraceMs: limits.outageGraceMs ?? defaultLimits.outageGraceMs,
      clockSkewMs: limits.clockSkewMs ?? defaultLimits.clockSkewMs,
      reportsPerSecond: limits.reportsPerSecond ?? defaultLimits.reportsPerSecond,
    };
  }

  /** Read with the settings above, so that it costs nothing where a decision was made just now. */
  function historyLimitsOf(productId: string): { readonly linesMax: number; readonly ageMaxMs: number } {
    const history = lastRead.get(productId)?.history;
    return {
      linesMax: history?.maxLines ?? defaultHistory.linesMax,
      ageMaxMs: history?.maxAgeMs ?? defaultHistory.ageMaxMs,
    };
  }

  /** A changed setting holds at once in this process. */
  function forget(productId: string): void {
    cache.delete(productId);
  }

  return { settingsOf, limitsOf, historyLimitsOf, forget };
}
