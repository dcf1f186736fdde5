import { OtauError } from "../errors.ts";
import { deviceTagsMax } from "../otau/ids.ts";
import type { Device } from "../otau/model.ts";
import { type Actor, isFinalState } from "../otau/vocabulary.ts";
import type { DeviceActions, DeviceExtrasChange } from "./act-on-device.ts";
import type { DeviceRef, DeviceStore, DeviceTokens, NewDevice, Precondition } from "./ports.ts";

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

export type RegisterReply = {
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly tokens?: Readonly<Record<string, string>>;
};

const unknownDevice = (ref: DeviceRef) =>
  new OtauError("NOT_FOUND", `There is no device ${ref.identity} in product ${ref.productId}.`);

const sameTags = (a: Device["tags"], b: Device["tags"]): boolean => {
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && a[name] === b[name])
  );
};

/** Registers, edits and deletes devices, and gives them their tokens. */
export function makeManageDevices(deps: ManageDevicesDeps) {
  const { devices, tokens, act, actOnMany } = deps;

  /** Creates what is new and updates what differs. A field that is left out stays as it is. */
  async function register(
    productId: string,
    wanted: readonly NewDevice[],
    options: { readonly tokens: boolean; readonly actor: Actor },
  ): Promise<RegisterReply> {
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
    for (const { identity } of wanted) {
      const { token } = await resetToken({ productId, identity }, false, actor);
      given.push([identity, token ?? ""]);
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

  /** Replaces tags, or merges them (`null` takes one away). Answers the device's new revision. */
  async function editTags(
    ref: DeviceRef,
    change: (tags: Device["tags"]) => Device["tags"],
    precondition: Precondition,
    actor: Actor,
  ): Promise<void> {
    const acted = await act(ref, () => [], {
      actor,
      extras: ({ device }) => {
        refuseRevision(device, precondition);
        const tags = change(device.tags);
        refuseManyTags(tags);
        return sameTags(tags, device.tags) ? undefined : { tags };
      },
    });
    if (acted === undefined) throw unknownDevice(ref);
  }

  /** Ends every update of the device, then the device itself. False when there was none. */
  async function remove(ref: DeviceRef, precondition: Precondition, actor: Actor): Promise<boolean> {
    for (let race = 0; race < racesMax; race++) {
      const acted = await act(
        ref,
        ({ device }) => {
          if (race === 0) refuseRevision(device, precondition);
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
          events: [],
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

  return { register, editTags, resetToken, remove };
}

function editsOf(device: Device, wanted: NewDevice | undefined): DeviceExtrasChange | undefined {
  const { tags, installedVersion } = wanted ?? {};
  const isNewVersion = installedVersion !== undefined && installedVersion !== device.installedVersion;
  const areNewTags = tags !== undefined && !sameTags(tags, device.tags);
  if (!isNewVersion && !areNewTags) return undefined;
  return { ...(areNewTags ? { tags } : {}), ...(isNewVersion ? { installedVersion } : {}) };
}

function refuseDoubles(wanted: readonly NewDevice[]): void {
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

function refuseManyTags(tags: Device["tags"]): void {
  const count = Object.keys(tags).length;
  if (count > deviceTagsMax) {
    throw new OtauError("INVALID_INPUT", `A device has at most ${deviceTagsMax} tags, not ${count}.`, {
      errors: [{ path: "/tags", message: `at most ${deviceTagsMax} tags, not ${count}` }],
    });
  }
}

/** REVISION_MISMATCH unless the device is at the revision that the caller knows. */
export function refuseRevision(device: Device, { ifMatch, ifNoneMatch }: Precondition): void {
  if (ifNoneMatch !== true && (ifMatch === undefined || ifMatch === device.revision)) return;
  throw new OtauError(
    "REVISION_MISMATCH",
    `The device is at revision ${device.revision}; read it again and repeat the change.`,
    {
      revision: device.revision,
    },
  );
}
