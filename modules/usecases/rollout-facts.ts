import type { RolloutFacts } from "../otau/why-facts.ts";
import type { ContentStore, DeploymentRecord, DeploymentStore, DeviceStore } from "./ports.ts";

export type RolloutFactsDeps = {
  readonly devices: Pick<DeviceStore, "slotsHeld">;
  readonly deployments: Pick<DeploymentStore, "takeRate">;
  readonly content: Pick<ContentStore, "get">;
};

/** What a deployment's rollout stands in the way with, as it is now. */
export function makeRolloutFacts({ devices, deployments, content }: RolloutFactsDeps) {
  async function withdrawnOf(record: DeploymentRecord): Promise<Pick<RolloutFacts, "withdrawn">> {
    if (!record.withdrawn) return {};
    const item = await content.get(record.productId, record.packageId);
    return item?.withdrawn ? { withdrawn: item.withdrawn } : {};
  }

  async function rateOf({
    productId,
    id,
    ratePerMinute,
  }: DeploymentRecord): Promise<Pick<RolloutFacts, "rate">> {
    if (ratePerMinute === undefined) return {};
    // Asking for no place takes none, and tells when the next one is free.
    const { nextAt } = await deployments.takeRate(productId, id, ratePerMinute, 0);
    return { rate: { perMinute: ratePerMinute, nextAt } };
  }

  async function slotsOf({ id, maxConcurrent }: DeploymentRecord): Promise<Pick<RolloutFacts, "slots">> {
    if (maxConcurrent === undefined) return {};
    return { slots: { held: await devices.slotsHeld(id), max: maxConcurrent } };
  }

  return async function rolloutFactsOf(record: DeploymentRecord): Promise<RolloutFacts> {
    const found = await Promise.all([withdrawnOf(record), rateOf(record), slotsOf(record)]);
    const { stateSince, startAt } = record;
    return Object.assign(
      {
        ...(stateSince === undefined ? {} : { stateSince }),
        ...(startAt === undefined ? {} : { startAt }),
      },
      ...found,
    );
  };
}
