import { z } from "zod";
import { type UpdateState, updateStates } from "./vocabulary.ts";

const count = z.int().min(0);

/** A deployment's members by state; `total` is their sum at every moment. */
export const totalsSchema = z
  .strictObject({ total: count, ...emptyCounts(count) })
  .meta({ description: "Updates by state; their sum is `total` at every moment." });

function emptyCounts<Value>(value: Value): Record<UpdateState, Value> {
  return Object.fromEntries(updateStates.map((state) => [state, value])) as Record<UpdateState, Value>;
}

/** Counts of updates by state, and their sum. */
export type Totals = Readonly<Record<UpdateState | "total", number>>;

/** Totals of a deployment without members. */
export function emptyTotals(): Record<UpdateState | "total", number> {
  return { total: 0, ...emptyCounts(0) };
}
