import { Readable } from "node:stream";
import type { Logger } from "pino";
import { z } from "zod";
import { OtauError } from "../errors.ts";
import { contentIdSchema, isPackageId } from "../otau/ids.ts";
import type { Actor } from "../otau/vocabulary.ts";
import type { ContentRecord, ContentStore, Precondition } from "../usecases/ports.ts";
import type { ScriptScope } from "./script-scope.ts";
import { makeAnswering, type Result, readArguments, ServiceFault } from "./service-result.ts";

const tagsBytesMax = 8192;
const listMax = 1000;
const expiresDefaultSeconds = 3600;
const expiresMaxSeconds = 604_800;

const noLinks = "Content has no public links here; hand out the content route of the app API instead.";

type One = { readonly id: string };
type Body = string | Uint8Array | Readable;

/** A content item as Murano shows it. */
export type ContentItem = {
  readonly id: string;
  /** Bytes. */
  readonly length: number;
  /** MIME type. */
  readonly type: string;
  /** ISO 8601 with milliseconds. */
  readonly last_modified: string;
  readonly tags: Readonly<Record<string, string>>;
};

/** Murano's Content of one product. No operation ever throws; errors hold `{ type, message }`. */
export type Content = {
  /** Items in order of id: at most 1000 (`limit`) after the id `after`, all with the prefix. */
  readonly list: (call?: {
    readonly prefix?: string | undefined;
    readonly after?: string | undefined;
    readonly limit?: number | undefined;
  }) => Promise<Result<readonly ContentItem[]>>;
  /** 404. */
  readonly info: (call: One) => Promise<Result<ContentItem>>;
  /**
   * Stores bytes and tags under an id, replacing what was there. Unlike Murano's it takes the bytes themselves
   * (`""` for none; a package may leave them out) and gives the item. 409 for a package that is in use.
   */
  readonly upload: (
    call: One & {
      readonly body?: Body | undefined;
      readonly tags?: Readonly<Record<string, string>> | undefined;
      readonly type?: string | undefined;
      /** Hex; other bytes are refused (400). */
      readonly sha256?: string | undefined;
    },
  ) => Promise<Result<ContentItem>>;
  /** A link that anyone may GET for `expires_in` seconds (default an hour, at most a week). 404. */
  readonly download: (
    call: One & { readonly expires_in?: number | undefined },
  ) => Promise<Result<{ readonly id: string; readonly url: string; readonly method: "GET" }>>;
  /** 404, and 409 for a package that is in use. */
  readonly delete: (call: One) => Promise<Result<{ readonly id: string }>>;
  /** Deletes every item; 409, naming them, when packages in use had to stay. */
  readonly clear: () => Promise<Result<readonly { readonly id: string }[]>>;
  /** The same service for another product. */
  readonly forProduct: (productId: string) => Content;
};

export type ContentServiceDeps = {
  readonly content: {
    upload(input: {
      readonly productId: string;
      readonly id: string;
      readonly type: string;
      readonly tags: Readonly<Record<string, string>>;
      readonly bytes: Readable;
      readonly sha256?: string;
      readonly precondition: Precondition;
      readonly actor: Actor;
    }): Promise<{ readonly record: ContentRecord }>;
    get(productId: string, id: string): Promise<ContentRecord>;
    remove(productId: string, id: string, precondition: Precondition, actor: Actor): Promise<void>;
  };
  readonly list: ContentStore["list"];
  /** NOT_FOUND unless the product exists. */
  readonly requireProduct: (productId: string) => Promise<void>;
  /** A signed link to the bytes; without it `download` is refused (501). */
  readonly link?:
    | ((productId: string, id: string, expiresInMs: number) => Promise<string> | string)
    | undefined;
  readonly log: Pick<Logger, "error">;
};

const oneSchema = z.object({ id: contentIdSchema });
const listSchema = z.object({
  prefix: z.string().max(200).optional(),
  after: z.string().max(200).optional(),
  limit: z.int().min(1).max(listMax).default(listMax),
});
const bodySchema = z.union([z.string(), z.instanceof(Uint8Array), z.instanceof(Readable)], {
  error: "is the bytes as text, Uint8Array or Readable; an empty text for none",
});
const uploadSchema = oneSchema.extend({
  body: bodySchema.optional(),
  // Read by hand: a record schema drops a tag called `__proto__` without a word.
  tags: z
    .custom<Readonly<Record<string, string>>>(isTags, { error: "is an object of texts by name" })
    .refine((tags) => Buffer.byteLength(JSON.stringify(tags)) <= tagsBytesMax, {
      error: `has more than ${tagsBytesMax} bytes as JSON`,
    })
    .optional(),
  type: z
    .string()
    .regex(/^[\x20-\x7e]{1,200}$/, { error: "is a MIME type" })
    .default("application/octet-stream"),
  sha256: z
    .string()
    .regex(/^[0-9A-Fa-f]{64}$/)
    .optional(),
});
const downloadSchema = oneSchema.extend({
  expires_in: z.int().min(1).max(expiresMaxSeconds).default(expiresDefaultSeconds),
});

/** Makes Content for scripts; each call of a handler gets one for its product. */
export function makeContent(deps: ContentServiceDeps): (scope: ScriptScope) => Content {
  const answering = makeAnswering("Content", deps.log);
  const makeFor = (scope: ScriptScope): Content => {
    const inProduct = makeOperations(deps, scope);
    return {
      list: (call) => answering("list", () => inProduct.list(call)),
      info: (call) => answering("info", () => inProduct.info(call)),
      upload: (call) => answering("upload", () => inProduct.upload(call)),
      download: (call) => answering("download", () => inProduct.download(call)),
      delete: (call) => answering("delete", () => inProduct.remove(call)),
      clear: () => answering("clear", () => inProduct.clear()),
      forProduct: (productId) => makeFor({ ...scope, productId }),
    };
  };
  return makeFor;
}

function makeOperations(deps: ContentServiceDeps, { productId, actor }: ScriptScope) {
  const { content, requireProduct } = deps;

  async function* allIds(): AsyncGenerator<string> {
    let after: string | undefined;
    do {
      const page = await deps.list(productId, { limit: listMax, ...(after === undefined ? {} : { after }) });
      for (const { id } of page.items) yield id;
      after = page.next;
    } while (after !== undefined);
  }

  return {
    list: async (call: unknown): Promise<readonly ContentItem[]> => {
      const { prefix, after, limit } = readArguments(listSchema, call);
      await requireProduct(productId);
      const { items } = await deps.list(productId, {
        limit,
        ...(prefix === undefined ? {} : { prefix }),
        ...(after === undefined ? {} : { after }),
      });
      return items.map(toItem);
    },

    info: async (call: unknown): Promise<ContentItem> =>
      toItem(await content.get(productId, readArguments(oneSchema, call).id)),

    upload: async (call: unknown): Promise<ContentItem> => {
      const { id, body, tags = {}, type, sha256 } = readArguments(uploadSchema, call);
      await requireProduct(productId);
      const { record } = await content.upload({
        productId,
        id,
        type,
        tags: Object.fromEntries(Object.entries(tags)),
        bytes: toStream(bodyOf(id, body)),
        ...(sha256 === undefined ? {} : { sha256 }),
        precondition: {},
        actor,
      });
      return toItem(record);
    },

    download: async (call: unknown) => {
      const { id, expires_in } = readArguments(downloadSchema, call);
      await content.get(productId, id);
      if (deps.link === undefined) throw new ServiceFault(501, "NOT_SUPPORTED", noLinks);
      return { id, url: await deps.link(productId, id, expires_in * 1000), method: "GET" as const };
    },

    remove: async (call: unknown) => {
      const { id } = readArguments(oneSchema, call);
      await content.remove(productId, id, {}, actor);
      return { id };
    },

    clear: async () => {
      await requireProduct(productId);
      const removed: { readonly id: string }[] = [];
      const inUse: string[] = [];
      for await (const id of allIds()) {
        const outcome = await removeUnlessInUse(id);
        if (outcome === "removed") removed.push({ id });
        if (outcome === "inUse") inUse.push(id);
      }
      if (inUse.length === 0) return removed;
      const named = inUse.slice(0, 20).join(", ");
      throw new ServiceFault(
        409,
        "PACKAGE_IN_USE",
        `${removed.length} items were deleted; ${inUse.length} packages are in use and stay: ${named}.`,
      );
    },
  };

  async function removeUnlessInUse(id: string): Promise<"removed" | "inUse" | "gone"> {
    try {
      await content.remove(productId, id, {}, actor);
      return "removed";
    } catch (error) {
      if (!(error instanceof OtauError)) throw error;
      if (error.code === "PACKAGE_IN_USE") return "inUse";
      if (error.code === "NOT_FOUND") return "gone";
      throw error;
    }
  }
}

function isTags(given: unknown): boolean {
  return (
    typeof given === "object" &&
    given !== null &&
    !Array.isArray(given) &&
    Object.values(given).every((value) => typeof value === "string" && value.isWellFormed())
  );
}

/** A package is its tag and mostly has no bytes; of any other item that would be a slip. */
function bodyOf(id: string, body: Body | undefined): Body {
  if (body !== undefined) return body;
  if (isPackageId(id)) return "";
  throw new ServiceFault(400, "INVALID_INPUT", `The bytes of ${id} are missing: name body, "" for none.`);
}

function toStream(body: Body): Readable {
  if (body instanceof Readable) return body;
  return Readable.from(body.length === 0 ? [] : [Buffer.from(body as Uint8Array)]);
}

function toItem({ id, length, type, lastModified, tags }: ContentRecord): ContentItem {
  return { id, length, type, last_modified: new Date(lastModified).toISOString(), tags };
}
