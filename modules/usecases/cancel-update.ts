import { OtauError } from "../errors.ts";
import type { Update } from "../otau/model.ts";
import { type Actor, isLiveState } from "../otau/vocabulary.ts";
import type { Acted, DeviceActions } from "./act-on-device.ts";
import type { DeviceRef, DeviceStore, LoadedDevice } from "./ports.ts";

/** The update a cancel of a device means: the live one, else the newest waiting one, else the newest. */
function meant(loaded: LoadedDevice): Update | undefined {
  const seqOf = (update: Update) => loaded.deployments.get(update.deploymentId)?.seq ?? 0;
  const newestFirst = loaded.device.updates.toSorted((a, b) => seqOf(b) - seqOf(a));
  return (
    newestFirst.find(({ state }) => isLiveState(state)) ??
    newestFirst.find(({ state }) => state === "waiting") ??
    newestFirst[0]
  );
}

/** Ends a device's update by an operator's word; answers the deployment whose update it was. */
export function makeCancelUpdate({ act }: { devices: DeviceStore; act: DeviceActions["act"] }) {
  return async function cancelUpdate(
    ref: DeviceRef,
    deploymentId: string | undefined,
    actor: Actor,
  ): Promise<{ acted: Acted; deploymentId: string }> {
    let chosen: Update | undefined;
    const acted = await act(
      ref,
      (loaded) => {
        chosen =
          deploymentId === undefined
            ? meant(loaded)
            : loaded.device.updates.find((update) => update.deploymentId === deploymentId);
        return chosen === undefined
          ? []
          : [{ type: "cancel", deploymentId: chosen.deploymentId, reason: "CANCELED" }];
      },
      { actor, past: true },
    );
    if (acted === undefined) {
      throw new OtauError("NOT_FOUND", `There is no device ${ref.identity} in product ${ref.productId}.`);
    }
    if (chosen === undefined)
      throw new OtauError("NOT_FOUND", `Device ${ref.identity} has no such update to cancel.`);
    if (acted.outcome.refused === "ALREADY_FINAL" && chosen.state !== "canceled") {
      throw new OtauError(
        "ALREADY_FINAL",
        `The update of ${ref.identity} has ended (${chosen.state}); there is nothing to cancel.`,
      );
    }
    return { acted, deploymentId: chosen.deploymentId };
  };
}
