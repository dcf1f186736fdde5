import { z } from "zod";
import { deviceTagsMax, identitySchema, tagNameSchema, tagValueSchema } from "../otau/ids.ts";
import { historyLineSchema, toUpdateView, type UpdateView, updateViewSchema } from "../otau/update-view.ts";
import { isLiveState, updateStates } from "../otau/vocabulary.ts";
import { rowsOf } from "./list-updates.ts";
import type { LoadedDevice, UpdateRow } from "./ports.ts";

/** A device counts as online this long after it was heard from; open connections are heard from all the while. */
export const onlineWithinMs = 60_000;

/** An update, named in the API's document. */
export const updateReplySchema = updateViewSchema.meta({ id: "Update" });
/** A history line, named in the API's document. */
export const historyReplySchema = historyLineSchema.meta({ id: "HistoryLine" });

/** Whether, and in which state, a device has an update. */
export const shownStateSchema = z.enum(["none", ...updateStates]);

const versionSchema = z.string().min(1).max(128).meta({ example: "1.0.0" });

/** Tags of a device as they are set. */
export const deviceTagsSchema = z
  .record(tagNameSchema, tagValueSchema)
  .refine((tags) => Object.keys(tags).length <= deviceTagsMax, {
    error: `A device has at most ${deviceTagsMax} tags`,
  })
  .meta({ example: { site: "berlin" } });

/** A device as it is registered. */
export const newDeviceSchema = z.strictObject({
  identity: identitySchema.meta({ example: "gw-1" }),
  tags: deviceTagsSchema.optional(),
  installedVersion: versionSchema.optional(),
});

/** What a PUT of a device sets. */
export const deviceBodySchema = newDeviceSchema.omit({ identity: true });

/** What a PATCH of a device changes: `null` takes a tag away. */
export const devicePatchSchema = z.strictObject({
  tags: z.record(tagNameSchema, tagValueSchema.nullable()).optional(),
  installedVersion: versionSchema.optional(),
});

/** A device as the app API shows it; an absent field means "not so". */
export const deviceViewSchema = z
  .strictObject({
    identity: z.string(),
    tags: z.record(z.string(), z.string()),
    installedVersion: z.string().optional(),
    drifted: z.boolean().meta({ description: "Runs another version than the one last confirmed" }),
    updateState: shownStateSchema.meta({ description: "Of `update`" }),
    update: updateReplySchema.optional().meta({ description: "The live update, else the newest" }),
    online: z.boolean(),
    lastSeenAt: z.iso.datetime().optional(),
    activated: z.boolean().meta({ description: "Has a token, or had one that was not reset" }),
    createdAt: z.iso.datetime(),
    revision: z.int(),
  })
  .meta({ id: "Device" });
export type DeviceView = z.infer<typeof deviceViewSchema>;

const iso = (ms: number) => new Date(ms).toISOString();

/** The update a device is shown with: the live one, else the newest. Needs past updates to be loaded. */
export function shownUpdate(loaded: LoadedDevice): UpdateRow | undefined {
  const rows = rowsOf(loaded);
  return rows.find(({ update }) => isLiveState(update.state)) ?? rows.at(-1);
}

/** A device, loaded with its past updates, as the app API shows it. */
export function toDeviceView(loaded: LoadedDevice): DeviceView {
  const { device, extras, now } = loaded;
  const shown = shownUpdate(loaded);
  return {
    identity: device.identity,
    tags: { ...device.tags },
    ...(device.installedVersion === undefined ? {} : { installedVersion: device.installedVersion }),
    drifted: device.drifted,
    updateState: shown?.update.state ?? "none",
    ...(shown ? { update: toUpdateView(shown.device, shown.update, shown.deployment) } : {}),
    online: extras.lastSeenAt !== undefined && now - extras.lastSeenAt <= onlineWithinMs,
    ...(extras.lastSeenAt === undefined ? {} : { lastSeenAt: iso(extras.lastSeenAt) }),
    activated: extras.activatedAt !== undefined,
    createdAt: iso(device.createdAt),
    revision: device.revision,
  };
}

/** An update of a list as the app API shows it. */
export const toRowView = ({ device, update, deployment }: UpdateRow): UpdateView =>
  toUpdateView(device, update, deployment);

const count = z.int().min(0);

/** How many devices there are, by what they are. */
export const summarySchema = z
  .strictObject({
    total: count,
    byUpdateState: z.record(z.string(), count).meta({ description: "By `updateState`, `none` included" }),
    byInstalledVersion: z.array(z.strictObject({ version: z.string().nullable(), count })),
    drifted: count,
    online: count,
    seen: z
      .strictObject({ lastHour: count, lastDay: count, earlier: count, never: count })
      .meta({ description: "When last heard from; each device counts once" }),
  })
  .meta({ id: "Summary" });
