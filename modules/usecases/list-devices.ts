import { OtauError } from "../errors.ts";
import { parseUpdateId } from "../otau/update-id.ts";
import { toUpdateView, type UpdateView } from "../otau/update-view.ts";
import type { UpdateState } from "../otau/vocabulary.ts";
import { type DeviceView, shownUpdate, toDeviceView, toRowView } from "./device-view.ts";
import type { DeviceFilter, DeviceRef, DeviceStore, LoadedDevice } from "./ports.ts";
import { refuseMismatch, type StatedPrecondition } from "./preconditions.ts";

type Reader = Pick<DeviceStore, "load">;

/** NOT_FOUND for a device. */
export const unknownDevice = ({ productId, identity }: DeviceRef): OtauError =>
  new OtauError("NOT_FOUND", `There is no device ${identity} in product ${productId}.`);

const unknownUpdate = (ref: DeviceRef, updateId: string): OtauError =>
  new OtauError("NOT_FOUND", `Device ${ref.identity} has no update ${updateId}.`);

type DeviceQuery = {
  readonly updateState?: readonly (UpdateState | "none")[] | undefined;
  readonly installedVersion?: readonly string[] | undefined;
  readonly drifted?: boolean | undefined;
  readonly online?: boolean | undefined;
  /** ISO 8601 */
  readonly seenBefore?: string | undefined;
  readonly q?: string | undefined;
};

/** The filters of a list of devices as the store takes them; `tags` are the admissible values by name. */
export function toDeviceFilter(
  query: DeviceQuery,
  tags: ReadonlyMap<string, readonly string[]>,
): DeviceFilter {
  const { updateState, installedVersion, drifted, online, seenBefore, q } = query;
  return {
    ...(updateState && { updateState }),
    ...(installedVersion && { installedVersion }),
    ...(tags.size > 0 && { tags: Object.fromEntries(tags) }),
    ...(drifted === undefined ? {} : { drifted }),
    ...(online === undefined ? {} : { online }),
    ...(seenBefore === undefined ? {} : { seenBefore: Date.parse(seenBefore) }),
    ...(q && { q }),
  };
}

async function loadWhole(devices: Reader, ref: DeviceRef): Promise<LoadedDevice> {
  const loaded = await devices.load(ref, { past: true });
  if (loaded === undefined) throw unknownDevice(ref);
  return loaded;
}

/** A device as the app API shows it. NOT_FOUND. */
export async function loadDeviceView(devices: Reader, ref: DeviceRef): Promise<DeviceView> {
  return toDeviceView(await loadWhole(devices, ref));
}

/** The device's live update, else its newest. NOT_FOUND, also for a device that never had one. */
export async function loadShownUpdate(devices: Reader, ref: DeviceRef): Promise<UpdateView> {
  const shown = shownUpdate(await loadWhole(devices, ref));
  if (shown === undefined) throw new OtauError("NOT_FOUND", `Device ${ref.identity} has had no update yet.`);
  return toRowView(shown);
}

/** The device's update by its deployment. NOT_FOUND. */
export async function loadUpdate(devices: Reader, ref: DeviceRef, deploymentId: string): Promise<UpdateView> {
  const { device, deployments } = await loadWhole(devices, ref);
  const update = device.updates.find((each) => each.deploymentId === deploymentId);
  const deployment = deployments.get(deploymentId);
  if (update === undefined || deployment === undefined) throw unknownUpdate(ref, deploymentId);
  return toUpdateView(device, update, deployment);
}

/** The deployment of the device's update with this id; undefined without an id. NOT_FOUND for another device's. */
export async function findDeployment(
  devices: Reader,
  ref: DeviceRef,
  updateId: string | undefined,
): Promise<string | undefined> {
  if (updateId === undefined) return undefined;
  const parts = parseUpdateId(updateId);
  const loaded = await devices.load(ref);
  if (loaded === undefined) throw unknownDevice(ref);
  if (parts === undefined || parts.uid !== loaded.device.uid) throw unknownUpdate(ref, updateId);
  return parts.deploymentId;
}

/** REVISION_MISMATCH unless the precondition holds for the device as it is now. NOT_FOUND. */
export async function requireRevision(
  devices: Reader,
  ref: DeviceRef,
  precondition: StatedPrecondition,
): Promise<void> {
  if (Object.keys(precondition).length === 0) return;
  const loaded = await devices.load(ref);
  if (loaded === undefined) throw unknownDevice(ref);
  refuseMismatch(`device ${ref.identity}`, loaded.device.revision, precondition);
}
