import type { Outcome } from "../otau/model.ts";
import type { OwedValue } from "./ports.ts";

/** A commit that takes longer has failed; until then the call it owes is not looked at. */
export const commitMaxMs = 5_000;

/** The value that an outcome wants handed over. */
export function owedBy({ notify, device }: Outcome): readonly OwedValue[] {
  const { configSet, productId, identity } = device;
  if (!notify || configSet === undefined || !("deploymentId" in configSet)) return [];
  return [{ ref: { productId, identity }, timestampUs: configSet.timestampUs }];
}
