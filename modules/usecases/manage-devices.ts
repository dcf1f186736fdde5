import { z } from "zod";
import { OtauError } from "../errors.ts";
import type { Device } from "../otau/model.ts";
import { type Actor, isFinalState } from "../otau/vocabulary.ts";
import type { DeviceActions } from "./act-on-device.ts";
import {
  type DeviceEdits,
  type DevicePatch,
  editsOf,
  merged,
  refuseDoubles,
  refuseMany,
  refuseManyTags,
  toNewDevice,
} from "./device-edits.ts";
import type { DeviceRef, DeviceStore, DeviceTokens, LoadedDevice, NewDevice } from "./ports.ts";
import { refuseMismatch, type StatedPrecondition } from "./preconditions.ts";

const chunk = 200;
const racesMax = 8;

export type ManageDevicesDeps = {
  readonly devices: DeviceStore;
  readonly tokens: DeviceTokens;
  readonly act: DeviceActions["act"];
  readonly actOnMany: DeviceActions["actOnMany"];
  readonly newToken: () => string;
  readonly digest: (text: string) => string;
  /** Tells handlers of `device2` `deleted`. */
  readonly deleted: (ref: DeviceRef) => Promise<unknown>;
};

/** Answer of a registration. */
export const registerReplySchema = z.strictObject({
  created: z.int(),
  updated: z.int(),
  unchanged: z.int(),
  tokens: z.record(z.string(), z.string()).optional().meta({ description: "By identity, if asked for" }),
});
export type RegisterReply = Readonly<z.infer<typeof registerReplySchema>>;

const unknownDevice = (ref: DeviceRef) =>
  new OtauError("NOT_FOUND", `There is no device ${ref.identity} in product ${ref.productId}.`);

/** Registers, edits and deletes devices, and gives them their tokens. */
export function makeManageDevices(deps: ManageDevicesDeps) {
  const { devices, tokens, act, actOnMany } = deps;

  /** Creates what is new and updates what differs. A field that is left out stays as it is. */
  async function register(
    productId: string,
    listed: readonly (DeviceEdits & Pick<NewDevice, "identity">)[],
    options: { readonly tokens: boolean; readonly actor: Actor },
  ): Promise<RegisterReply> {
    const wanted = listed.map(toNewDevice);
    refuseMany(wanted);
    refuseDoubles(wanted);
    const { created, existing } = await devices.create(productId, wanted, options.actor);
    const byIdentity = new Map(wanted.map((device) => [device.identity, device]));
    let updated = 0;
    for (let at = 0; at < existing.length; at += chunk) {
      const refs = existing.slice(at, at + chunk).map((identity) => ({ productId, identity }));
      updated += await updateMany(refs, byIdentity, options.actor);
    }
    const reply = { created: created.length, updated, unchanged: existing.length - updated };
    return options.tokens ? { ...reply, tokens: await giveTokens(productId, wanted, options.actor) } : reply;
  }

  async function updateMany(
    refs: readonly DeviceRef[],
    wanted: ReadonlyMap<string, NewDevice>,
    actor: Actor,
  ): Promise<number> {
    const { acted } = await actOnMany(refs, () => [], {
      actor,
      extras: ({ device }) => editsOf(device, wanted.get(device.identity)),
    });
    return acted.filter(({ changed }) => changed).length;
  }

  async function giveTokens(
    productId: string,
    wanted: readonly NewDevice[],
    actor: Actor,
  ): Promise<Record<string, string>> {
    const given: [string, string][] = [];
    for (let at = 0; at < wanted.length; at += chunk) {
      const fresh = new Map(
        wanted.slice(at, at + chunk).map(({ identity }) => [identity, deps.newToken()] as const),
      );
      const refs = [...fresh.keys()].map((identity) => ({ productId, identity }));
      // Remembered first: a token that is valid must be found.
      await Promise.all(refs.map((ref) => tokens.remember(deps.digest(fresh.get(ref.identity) ?? ""), ref)));
      await actOnMany(refs, () => [], {
        actor,
        extras: ({ device, now }) => ({
          tokenPrefix: deps.digest(fresh.get(device.identity) ?? "").slice(0, 16),
          activatedAt: now,
        }),
      });
      given.push(...fresh);
    }
    return Object.fromEntries(given);
  }

  /** A new token ends the older one at once; `revoke` ends it without a new one, and the device may activate again. */
  async function resetToken(ref: DeviceRef, revoke: boolean, actor: Actor): Promise<{ token?: string }> {
    const token = revoke ? undefined : deps.newToken();
    const digest = token === undefined ? undefined : deps.digest(token);
    if (digest !== undefined) await tokens.remember(digest, ref);
    const acted = await act(ref, () => [], {
      actor,
      extras: ({ now }) => ({
        tokenPrefix: digest?.slice(0, 16) ?? null,
        activatedAt: digest === undefined ? null : now,
      }),
    });
    if (acted === undefined) throw unknownDevice(ref);
    return token === undefined ? {} : { token };
  }

  /** Replaces tags, or merges them. NOT_FOUND, REVISION_MISMATCH. */
  async function editTags(
    ref: DeviceRef,
    change: (tags: Device["tags"]) => Device["tags"],
    precondition: StatedPrecondition,
    actor: Actor,
  ): Promise<void> {
    await edit(ref, ({ tags }) => ({ tags: change(tags) }), precondition, actor);
  }

  async function edit(
    ref: DeviceRef,
    change: (device: Device) => DeviceEdits,
    precondition: StatedPrecondition,
    actor: Actor,
  ): Promise<void> {
    const acted = await act(ref, () => [], {
      actor,
      extras: ({ device }) => {
        refuseMismatch(`device ${ref.identity}`, device.revision, precondition);
        const wanted = change(device);
        if (wanted.tags !== undefined) refuseManyTags(wanted.tags);
        return editsOf(device, wanted);
      },
    });
    if (acted === undefined) throw unknownDevice(ref);
  }

  /** Makes the device be as wanted, creating it where there is none; its tags are replaced. REVISION_MISMATCH. */
  async function put(
    ref: DeviceRef,
    wanted: DeviceEdits,
    precondition: StatedPrecondition,
    actor: Actor,
  ): Promise<{ created: boolean }> {
    const device = toNewDevice({ identity: ref.identity, ...wanted, tags: wanted.tags ?? {} });
    for (let race = 0; race < racesMax; race++) {
      const mustExist = precondition.ifMatch !== undefined || precondition.ifExists === true;
      if (mustExist && (await devices.load(ref)) === undefined) {
        refuseMismatch(`device ${ref.identity}`, undefined, precondition);
      }
      const isCreated =
        !mustExist && (await devices.create(ref.productId, [device], actor)).created.length > 0;
      if (isCreated) return { created: true };
      try {
        await edit(ref, () => device, precondition, actor);
        return { created: false };
      } catch (error) {
        // It was deleted in between: begin again.
        if (!(error instanceof OtauError && error.code === "NOT_FOUND")) throw error;
      }
    }
    throw new OtauError("STORE_UNAVAILABLE", `Device ${ref.identity} is created and deleted all the time.`, {
      retryAfterSeconds: 1,
    });
  }

  /** Merges tags, `null` taking one away. NOT_FOUND, REVISION_MISMATCH. */
  async function patch(
    ref: DeviceRef,
    wanted: DevicePatch,
    precondition: StatedPrecondition,
    actor: Actor,
  ): Promise<void> {
    const { tags, installedVersion } = wanted;
    await edit(
      ref,
      (device) => ({
        ...(tags === undefined ? {} : { tags: merged(device.tags, tags) }),
        ...(installedVersion === undefined ? {} : { installedVersion }),
      }),
      precondition,
      actor,
    );
  }

  /** Ends every update of the device, then the device itself. False when there was none. */
  async function remove(ref: DeviceRef, precondition: StatedPrecondition, actor: Actor): Promise<boolean> {
    for (let race = 0; race < racesMax; race++) {
      const acted = await act(
        ref,
        ({ device }) => {
          if (race === 0) refuseMismatch(`device ${ref.identity}`, device.revision, precondition);
          return [{ type: "deviceDeleted" }];
        },
        { actor },
      );
      if (acted === undefined) return race > 0;
      const loaded = await devices.load(ref);
      if (loaded === undefined) return true;
      if (!loaded.device.updates.every(({ state }) => isFinalState(state))) continue;
      const [result] = await devices.commitMany([
        {
          before: loaded.device,
          after: undefined,
          lines: [],
          folds: [],
          events: [deletedEvent(loaded, actor)],
          dueAt: undefined,
          fences: [],
          notify: true,
        },
      ]);
      if (result === "done" || result === "gone") {
        await deps.deleted(ref);
        return true;
      }
    }
    throw new OtauError(
      "STORE_UNAVAILABLE",
      `Device ${ref.identity} is changing too fast to be deleted; try again.`,
      {
        retryAfterSeconds: 1,
      },
    );
  }

  return { register, put, patch, editTags, resetToken, remove };
}

const deletedEvent = ({ now, device }: LoadedDevice, actor: Actor) => ({
  at: now,
  type: "device.changed" as const,
  seq: device.eventSeq + 1,
  to: "deleted" as const,
  actor,
  revision: device.revision + 1,
});
