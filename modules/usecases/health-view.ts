import { z } from "zod";
import { errorCatalogue } from "../errors.ts";
import type { Health, HealthDeps } from "./watch-health.ts";

const healthShape = {
  store: z.strictObject({
    rung: z.string().meta({ description: "Whose server it is: external, own or trial" }),
    durability: z.string().meta({ description: "What a 2xx is worth when the machine fails" }),
    note: z.string(),
  }),
  checks: z.array(z.strictObject({ name: z.string(), isOk: z.boolean(), detail: z.string() })),
};

/** Answer of a process that is ready. */
export const readySchema = z
  .strictObject({ status: z.literal("ready"), ...healthShape })
  .meta({ id: "Readiness" });

/** The same as a problem document: which checks failed stands beside what every error has. */
export const notReadySchema = z
  .strictObject({
    type: z.string(),
    title: z.string(),
    status: z.literal(503),
    detail: z.string(),
    code: z.literal("STORE_UNAVAILABLE"),
    requestId: z.string(),
    ...healthShape,
  })
  .meta({ id: "NotReady" });

type Store = HealthDeps["store"];

const shown = ({ checks }: Health, { rung, durability, note }: Store) => ({
  store: { rung, durability, note },
  checks: checks.map(({ name, isOk, detail }) => ({ name, isOk, detail })),
});

export const toReady = (health: Health, store: Store): z.infer<typeof readySchema> => ({
  status: "ready",
  ...shown(health, store),
});

export function toNotReady(health: Health, store: Store, requestId: string): z.infer<typeof notReadySchema> {
  const failed = health.checks.filter(({ isOk }) => !isOk);
  return {
    type: "urn:otau:error:store-unavailable",
    title: errorCatalogue.STORE_UNAVAILABLE.title,
    status: 503,
    detail: `Not ready: ${failed.map(({ name, detail }) => `${name} (${detail})`).join(", ")}.`,
    code: "STORE_UNAVAILABLE",
    requestId,
    ...shown(health, store),
  };
}
