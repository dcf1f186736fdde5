import { z } from "zod";
import { OtauError } from "../errors.ts";
import { identitySchema, tagNameSchema } from "../otau/ids.ts";
import type { DeviceFilter, DeviceRef, DeviceStore, LoadedDevice } from "../usecases/ports.ts";
import { type Identity, type IdentityState, readStates, toIdentity } from "./device2-identity.ts";
import { type IdentityPattern, readIdentityPattern } from "./identity-pattern.ts";
import { readArguments, ServiceFault } from "./service-result.ts";

const limitDefault = 100;
const limitMax = 1000;
/** Devices that one call looks at when it has to look at each. */
const scanMax = 10_000;
const pageSize = 500;

const tagSchema = z.object({ name: tagNameSchema, value: z.coerce.string() });
const filterSchema = z.object({ identity: z.string().optional(), tag: tagSchema.optional() });
const listSchema = filterSchema.extend({
  limit: z
    .int()
    .min(1)
    .default(limitDefault)
    // A larger one is common in scripts, and `mayLoadMore` says that there is more.
    .transform((limit) => Math.min(limit, limitMax)),
  before: z
    .string({ error: "is the `next` of the last answer: devices are listed by identity, not by time" })
    .pipe(identitySchema)
    .optional(),
});

/** What `listIdentities` and `countIdentities` choose by: both conditions must hold. */
export type IdentityFilter = {
  /** Regular expression, not anchored, at most 256 characters. */
  readonly identity?: string | undefined;
  readonly tag?: { readonly name: string; readonly value: string | number | boolean } | undefined;
};

/** `before` is the `next` of the last answer; at most 1000 devices come at once (default 100). */
export type ListArguments = IdentityFilter & {
  readonly limit?: number | undefined;
  readonly before?: string | undefined;
};

/** Devices in order of identity. */
export type IdentityList = {
  readonly devices: readonly Identity[];
  readonly mayLoadMore: boolean;
  /** Where to go on; absent at the end. */
  readonly next?: string;
};

export type ListDeps = {
  readonly devices: Pick<DeviceStore, "now" | "list" | "count">;
  readonly getState: (ref: DeviceRef) => Promise<IdentityState>;
};

type Page = { readonly rows: readonly LoadedDevice[]; readonly next?: string };
type Choice = { readonly filter: DeviceFilter; readonly pattern: IdentityPattern | undefined };

/** The operations of Device2 that look at many devices of one product. */
export function makeListIdentities({ devices, getState }: ListDeps, productId: string) {
  /** One page of what fits; looks at no more than {@link scanMax} devices. */
  async function readPage(
    { filter, pattern }: Choice,
    after: string | undefined,
    limit: number,
  ): Promise<Page> {
    if (pattern === undefined) return devices.list(productId, filter, from(after, limit));
    const rows: LoadedDevice[] = [];
    let position = after;
    for (let seen = 0; seen < scanMax; ) {
      const page = await devices.list(productId, filter, from(position, pageSize));
      seen += page.rows.length;
      const fits = new Set(pattern.filter(page.rows.map(({ device }) => device.identity)));
      for (const row of page.rows) {
        if (!fits.has(row.device.identity)) continue;
        if (rows.length === limit) return { rows, next: rows.at(-1)?.device.identity ?? "" };
        rows.push(row);
      }
      if (page.next === undefined) return { rows };
      position = page.next;
    }
    return { rows, ...(position === undefined ? {} : { next: position }) };
  }

  async function listIdentities(given: ListArguments | undefined): Promise<IdentityList> {
    const { limit, before, ...filter } = readArguments(listSchema, given);
    const { rows, next } = await readPage(choose(filter), before, limit);
    const refs = rows.map(({ device }) => ({ productId, identity: device.identity }));
    const [states, now] = await Promise.all([readStates(refs, getState, isUnknown), devices.now()]);
    return {
      devices: rows.flatMap((row) => {
        const state = states.get(row.device.identity);
        return state === undefined ? [] : [toIdentity(row, state, now)];
      }),
      mayLoadMore: next !== undefined,
      ...(next === undefined ? {} : { next }),
    };
  }

  async function countIdentities(given: IdentityFilter | undefined): Promise<{ readonly count: number }> {
    const choice = choose(readArguments(filterSchema, given));
    if (choice.pattern === undefined) return { count: await devices.count(productId, choice.filter) };
    const { rows, next } = await readPage(choice, undefined, scanMax);
    if (next !== undefined) {
      throw new ServiceFault(
        413,
        "TOO_LARGE",
        `A pattern counts among ${scanMax} devices at most; narrow it by a tag or a longer prefix.`,
      );
    }
    return { count: rows.length };
  }

  /** Names of tags in use, in order, among the first {@link scanMax} devices. */
  async function listTagNames(): Promise<readonly string[]> {
    const names = new Set<string>();
    let position: string | undefined;
    for (let seen = 0; seen < scanMax; ) {
      const { rows, next } = await devices.list(productId, {}, from(position, pageSize));
      for (const { device } of rows) for (const name of Object.keys(device.tags)) names.add(name);
      seen += rows.length;
      if (next === undefined) break;
      position = next;
    }
    return [...names].sort();
  }

  return { listIdentities, countIdentities, listTagNames };
}

function choose({ identity, tag }: z.output<typeof filterSchema>): Choice {
  const pattern = identity === undefined ? undefined : readIdentityPattern(identity);
  return {
    pattern,
    filter: {
      ...(pattern?.prefix ? { q: pattern.prefix } : {}),
      ...(tag === undefined ? {} : { tags: Object.fromEntries([[tag.name, [tag.value]]]) }),
    },
  };
}

function from(after: string | undefined, limit: number): { after?: string; limit: number } {
  return after === undefined ? { limit } : { after, limit };
}

function isUnknown(error: unknown): boolean {
  return error instanceof OtauError && error.code === "NOT_FOUND";
}
