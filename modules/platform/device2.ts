import type { Logger } from "pino";
import { z } from "zod";
import { OtauError } from "../errors.ts";
import { identitySchema, tagNameSchema, tagValueSchema } from "../otau/ids.ts";
import type { Actor } from "../otau/vocabulary.ts";
import type { DeviceRef, DeviceStore, Precondition, ResourceState } from "../usecases/ports.ts";
import { type Identity, type IdentityState, toIdentity } from "./device2-identity.ts";
import {
  type IdentityFilter,
  type IdentityList,
  type ListArguments,
  makeListIdentities,
} from "./device2-list.ts";
import type { ScriptScope } from "./script-scope.ts";
import {
  type Done,
  done,
  makeAnswering,
  type Result,
  readArguments,
  ServiceFault,
} from "./service-result.ts";

type One = { readonly identity: string };
type Tags = Readonly<Record<string, string>>;

/** A tag to be set; numbers and truth values are stored as text. */
export type TagArgument = { readonly name: string; readonly value: string | number | boolean };

/** Murano's Device2 of one product: what a script may do with its devices. No operation ever throws. */
export type Device2 = {
  /** A device with its state and tags. 404. */
  readonly getIdentity: (call: One) => Promise<Result<Identity>>;
  /** Resources by name; those never written are absent. 404. */
  readonly getIdentityState: (call: One) => Promise<Result<{ readonly [resource: string]: ResourceState }>>;
  /**
   * One flat object: `{ identity, <resource>: <value>, … }`. A valid `config_otau` becomes an update of its own.
   * 404, and 400 for a resource that is not settable.
   */
  readonly setIdentityState: (call: One & { readonly [resource: string]: unknown }) => Promise<Result<Done>>;
  readonly listIdentities: (call?: ListArguments) => Promise<Result<IdentityList>>;
  readonly countIdentities: (call?: IdentityFilter) => Promise<Result<{ readonly count: number }>>;
  /**
   * A new device; 409 when it exists. `auth` of type `password` is taken and means nothing, as devices get their
   * token by activation; other types are 400.
   */
  readonly addIdentity: (
    call: One & {
      readonly auth?: { readonly type: string; readonly key?: string } | undefined;
      readonly tags?: readonly TagArgument[] | undefined;
    },
  ) => Promise<Result<Done>>;
  /** Deletes the device; its updates end. 404. */
  readonly removeIdentity: (call: One) => Promise<Result<Done>>;
  /** Sets tags; `replace: false` refuses (409) to overwrite another value. 404. */
  readonly addIdentityTag: (
    call: One & { readonly tags: readonly TagArgument[]; readonly replace?: boolean | undefined },
  ) => Promise<Result<Done>>;
  /** Takes a tag away; fine when there is none. 404 for an unknown device. */
  readonly removeIdentityTag: (call: One & { readonly name: string }) => Promise<Result<Done>>;
  /** The values of a tag: none or one. 404 for an unknown device. */
  readonly getIdentityTag: (call: One & { readonly name: string }) => Promise<Result<readonly string[]>>;
  /** Names of the tags in use. */
  readonly listTagNames: () => Promise<Result<readonly string[]>>;
  /** The same service for another product. */
  readonly forProduct: (productId: string) => Device2;
};

export type Device2Deps = {
  readonly devices: Pick<DeviceStore, "now" | "load" | "list" | "count" | "create">;
  readonly state: {
    getState(ref: DeviceRef): Promise<Record<string, ResourceState>>;
    setState(ref: DeviceRef, values: Readonly<Record<string, unknown>>, actor: Actor): Promise<void>;
  };
  readonly manage: {
    editTags(
      ref: DeviceRef,
      change: (tags: Tags) => Tags,
      precondition: Precondition,
      actor: Actor,
    ): Promise<void>;
    remove(ref: DeviceRef, precondition: Precondition, actor: Actor): Promise<boolean>;
  };
  /** NOT_FOUND unless the product exists. */
  readonly requireProduct: (productId: string) => Promise<void>;
  readonly log: Pick<Logger, "error">;
};

const oneSchema = z.object({ identity: identitySchema });
const tagsSchema = z.array(z.object({ name: tagNameSchema, value: z.coerce.string().pipe(tagValueSchema) }));
const addSchema = oneSchema.extend({
  auth: z
    .object({
      type: z.literal("password", { error: "devices get their token by activation: leave auth out" }),
      key: z.string().optional(),
    })
    .optional(),
  tags: tagsSchema.optional(),
});
const addTagSchema = oneSchema.extend({ tags: tagsSchema.min(1), replace: z.boolean().optional() });
const tagSchema = oneSchema.extend({ name: tagNameSchema });

/** Makes Device2 for scripts; each call of a handler gets one for its product. */
export function makeDevice2(deps: Device2Deps): (scope: ScriptScope) => Device2 {
  const answering = makeAnswering("Device2", deps.log);

  const makeFor = (scope: ScriptScope): Device2 => {
    const inProduct = makeOperations(deps, scope);
    return {
      getIdentity: (call) => answering("getIdentity", () => inProduct.getIdentity(call)),
      getIdentityState: (call) => answering("getIdentityState", () => inProduct.getIdentityState(call)),
      setIdentityState: (call) => answering("setIdentityState", () => inProduct.setIdentityState(call)),
      listIdentities: (call) => answering("listIdentities", () => inProduct.listIdentities(call)),
      countIdentities: (call) => answering("countIdentities", () => inProduct.countIdentities(call)),
      addIdentity: (call) => answering("addIdentity", () => inProduct.addIdentity(call)),
      removeIdentity: (call) => answering("removeIdentity", () => inProduct.removeIdentity(call)),
      addIdentityTag: (call) => answering("addIdentityTag", () => inProduct.addIdentityTag(call)),
      removeIdentityTag: (call) => answering("removeIdentityTag", () => inProduct.removeIdentityTag(call)),
      getIdentityTag: (call) => answering("getIdentityTag", () => inProduct.getIdentityTag(call)),
      listTagNames: () => answering("listTagNames", () => inProduct.listTagNames()),
      forProduct: (productId) => makeFor({ ...scope, productId }),
    };
  };
  return makeFor;
}

function makeOperations({ devices, state, manage, requireProduct }: Device2Deps, scope: ScriptScope) {
  const { productId, actor } = scope;
  const refOf = (identity: string): DeviceRef => ({ productId, identity });
  const many = makeListIdentities({ devices, getState: state.getState }, productId);

  /** Lists of a product that does not exist would look like those of an empty one. */
  const inExisting =
    <Given, Answer>(list: (given: Given) => Promise<Answer>) =>
    async (given: Given): Promise<Answer> => {
      await requireProduct(productId);
      return list(given);
    };

  async function load(identity: string) {
    const loaded = await devices.load(refOf(identity));
    if (loaded === undefined) throw unknown(refOf(identity));
    return loaded;
  }

  return {
    listIdentities: inExisting(many.listIdentities),
    countIdentities: inExisting(many.countIdentities),
    listTagNames: () => inExisting(many.listTagNames)(undefined as never),

    getIdentity: async (call: unknown): Promise<Identity> => {
      const { identity } = readArguments(oneSchema, call);
      const [loaded, resources] = await Promise.all([load(identity), state.getState(refOf(identity))]);
      return toIdentity(loaded, resources, loaded.now);
    },

    getIdentityState: async (call: unknown): Promise<IdentityState> =>
      state.getState(refOf(readArguments(oneSchema, call).identity)),

    setIdentityState: async (call: unknown): Promise<Done> => {
      const { identity } = readArguments(oneSchema, call);
      // Nothing is what Murano's nil is: the resource is not named.
      const values = Object.entries(call as object).filter(
        ([name, value]) => name !== "identity" && value !== undefined,
      );
      await state.setState(refOf(identity), Object.fromEntries(values), actor);
      return done;
    },

    addIdentity: async (call: unknown): Promise<Done> => {
      const { identity, tags } = readArguments(addSchema, call);
      await requireProduct(productId);
      const wanted = tags === undefined ? { identity } : { identity, tags: mergeTags({}, tags) };
      const { existing } = await devices.create(productId, [wanted], actor);
      if (existing.length > 0) {
        throw new ServiceFault(409, "EXISTS", `Device ${identity} exists in product ${productId} already.`);
      }
      return done;
    },

    removeIdentity: async (call: unknown): Promise<Done> => {
      const { identity } = readArguments(oneSchema, call);
      if (!(await manage.remove(refOf(identity), {}, actor))) throw unknown(refOf(identity));
      return done;
    },

    addIdentityTag: async (call: unknown): Promise<Done> => {
      const { identity, tags, replace } = readArguments(addTagSchema, call);
      const change = (present: Tags) => {
        if (replace === false) refuseOverwriting(present, tags);
        return mergeTags(present, tags);
      };
      await manage.editTags(refOf(identity), change, {}, actor);
      return done;
    },

    removeIdentityTag: async (call: unknown): Promise<Done> => {
      const { identity, name } = readArguments(tagSchema, call);
      const without = (present: Tags) =>
        Object.fromEntries(Object.entries(present).filter(([each]) => each !== name));
      await manage.editTags(refOf(identity), without, {}, actor);
      return done;
    },

    getIdentityTag: async (call: unknown): Promise<readonly string[]> => {
      const { identity, name } = readArguments(tagSchema, call);
      const { tags } = (await load(identity)).device;
      return Object.entries(tags).flatMap(([each, value]) => (each === name ? [value] : []));
    },
  };
}

// Entries, not spread assignments by name: a tag may well be called `__proto__`.
function mergeTags(present: Tags, added: readonly { readonly name: string; readonly value: string }[]): Tags {
  const entries = added.map(({ name, value }): [string, string] => [name, value]);
  return Object.fromEntries([...Object.entries(present), ...entries]);
}

function refuseOverwriting(
  present: Tags,
  added: readonly { readonly name: string; readonly value: string }[],
) {
  const taken = added.find(({ name, value }) => Object.hasOwn(present, name) && present[name] !== value);
  if (taken === undefined) return;
  throw new ServiceFault(409, "EXISTS", `The tag ${taken.name} has another value; leave out replace: false.`);
}

function unknown({ productId, identity }: DeviceRef): OtauError {
  return new OtauError("NOT_FOUND", `There is no device ${identity} in product ${productId}.`);
}
