import { OtauError } from "../errors.ts";
import { deviceTagsMax } from "../otau/ids.ts";
import type { Device } from "../otau/model.ts";
import type { DeviceExtrasChange } from "./act-on-device.ts";
import type { NewDevice } from "./ports.ts";

/** Most devices that one registration takes. */
const registerDevicesMax = 10_000;

/** What of a device can be set; a field that is left out stays as it is. */
export type DeviceEdits = {
  readonly tags?: Device["tags"] | undefined;
  readonly installedVersion?: string | undefined;
};
/** Changes of a device; a tag of `null` is taken away. */
export type DevicePatch = {
  readonly tags?: Readonly<Record<string, string | null>> | undefined;
  readonly installedVersion?: string | undefined;
};

const sameTags = (a: Device["tags"], b: Device["tags"]): boolean => {
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && a[name] === b[name])
  );
};

/** A device to register, without what was left out. */
export const toNewDevice = ({
  identity,
  tags,
  installedVersion,
}: DeviceEdits & Pick<NewDevice, "identity">): NewDevice => ({
  identity,
  ...(tags === undefined ? {} : { tags }),
  ...(installedVersion === undefined ? {} : { installedVersion }),
});

/** Tags with the changes made. */
export const merged = (tags: Device["tags"], changes: NonNullable<DevicePatch["tags"]>): Device["tags"] =>
  Object.fromEntries(
    Object.entries({ ...tags, ...changes }).flatMap(([name, value]) =>
      value === null ? [] : [[name, value]],
    ),
  );

/** What of the wish differs from the device; undefined when nothing does. */
export function editsOf(device: Device, wanted: DeviceEdits | undefined): DeviceExtrasChange | undefined {
  const { tags, installedVersion } = wanted ?? {};
  const isNewVersion = installedVersion !== undefined && installedVersion !== device.installedVersion;
  const areNewTags = tags !== undefined && !sameTags(tags, device.tags);
  if (!isNewVersion && !areNewTags) return undefined;
  return { ...(areNewTags ? { tags } : {}), ...(isNewVersion ? { installedVersion } : {}) };
}

/** TOO_LARGE. */
export function refuseMany({ length }: readonly NewDevice[]): void {
  if (length <= registerDevicesMax) return;
  throw new OtauError(
    "TOO_LARGE",
    `${length} devices are too many; send at most ${registerDevicesMax} at once.`,
  );
}

/** INVALID_INPUT for an identity that stands there twice: which of the two would hold is anybody's guess. */
export function refuseDoubles(wanted: readonly NewDevice[]): void {
  const seen = new Set<string>();
  for (const [index, { identity }] of wanted.entries()) {
    if (seen.has(identity)) {
      throw new OtauError("INVALID_INPUT", `Device ${identity} stands twice in the list; name each once.`, {
        errors: [{ path: `/${index}/identity`, message: `${identity} stands twice in the list` }],
      });
    }
    seen.add(identity);
  }
}

/** INVALID_INPUT. */
export function refuseManyTags(tags: Device["tags"]): void {
  const count = Object.keys(tags).length;
  if (count > deviceTagsMax) {
    throw new OtauError("INVALID_INPUT", `A device has at most ${deviceTagsMax} tags, not ${count}.`, {
      errors: [{ path: "/tags", message: `at most ${deviceTagsMax} tags, not ${count}` }],
    });
  }
}
