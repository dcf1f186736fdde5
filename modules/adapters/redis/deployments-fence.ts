import type { DeploymentStore, DeviceStore } from "../../usecases/ports.ts";

/**
 * The device store with one habit more: where a commit was refused by a fence, what this process knew of that
 * deployment is out of date, so it is read anew before the caller decides again. Without it the same stale record
 * would be decided on until the cache has aged.
 */
export function refreshWhenFenced(
  devices: DeviceStore,
  deployments: Pick<DeploymentStore, "refresh">,
): DeviceStore {
  return {
    ...devices,
    async commitMany(changes) {
      const results = await devices.commitMany(changes);
      const outdated = new Map<string, { productId: string; deploymentId: string }>();
      for (const [at, { before, fences }] of changes.entries()) {
        if (results[at] !== "fenced") continue;
        for (const { deploymentId } of fences) {
          outdated.set(`${before.productId}/${deploymentId}`, { productId: before.productId, deploymentId });
        }
      }
      await Promise.all(
        [...outdated.values()].map(({ productId, deploymentId }) =>
          deployments.refresh(productId, deploymentId),
        ),
      );
      return results;
    },
  };
}
