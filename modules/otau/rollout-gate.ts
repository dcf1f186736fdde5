import { z } from "zod";
import type { Update } from "./model.ts";

/** When a deployment stops itself (contract 6). */
export const gateSchema = z.strictObject({
  minFinished: z.int().min(1).max(10_000_000).default(5).meta({ description: "Judged from so many on" }),
  maxFailedPercent: z
    .number()
    .gt(0)
    .max(100)
    .default(20)
    .meta({ description: "Trips when this share of the counted updates, or more, has failed" }),
  requireConfirmed: z
    .boolean()
    .default(true)
    .meta({ description: "Successes count only when the device has named the version as installed" }),
  // biome-ignore lint/suspicious/noThenProperty: the app API names it so, and it is no function.
  then: z.enum(["pause", "cancel"]).default("pause"),
});
export type Gate = z.infer<typeof gateSchema>;

/** What the gate counted, and what share of it had failed. */
export type GateFigures = { readonly counted: number; readonly failed: number; readonly percent: number };

/** How updates ended since the deployment's start or last resume. */
export type Outcomes = { readonly confirmed: number; readonly unconfirmed: number; readonly failed: number };

/** As what a gate counts the update; undefined = not at all. */
export function outcomeOf({ state, confirmed }: Pick<Update, "state" | "confirmed">) {
  if (state === "succeeded") return confirmed === true ? "confirmed" : "unconfirmed";
  return state === "failed" || state === "timed_out" || state === "aborted" ? "failed" : undefined;
}

/** The figures a gate is judged by. */
export function figuresOf(
  { confirmed, unconfirmed, failed }: Outcomes,
  requireConfirmed: boolean,
): GateFigures {
  const counted = confirmed + failed + (requireConfirmed ? 0 : unconfirmed);
  const percent = counted === 0 ? 0 : Math.round((failed * 10_000) / counted) / 100;
  return { counted, failed, percent };
}

/** Whether the figures trip a gate; in whole numbers, as a rounded percentage could lie on the wrong side. */
export function trips(
  { minFinished, maxFailedPercent }: Pick<Gate, "minFinished" | "maxFailedPercent">,
  { counted, failed }: Pick<GateFigures, "counted" | "failed">,
): boolean {
  return counted >= minFinished && failed * 100 >= counted * maxFailedPercent;
}
