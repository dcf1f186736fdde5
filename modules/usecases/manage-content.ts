import type { Readable } from "node:stream";
import { OtauError } from "../errors.ts";
import { isPackageId } from "../otau/ids.ts";
import type { Actor } from "../otau/vocabulary.ts";
import type { BlobStore, ContentRecord, ContentStore, Precondition } from "./ports.ts";
import { refuseMismatch, type StatedPrecondition } from "./preconditions.ts";
import { asItStands } from "./same-package.ts";

export type ContentDeps = {
  readonly content: ContentStore;
  readonly blobs: BlobStore;
  /** Sees whether the package's open deployments are over by now. */
  readonly settleUses: (productId: string, packageId: string) => Promise<void>;
};

export type Upload = {
  readonly productId: string;
  readonly id: string;
  readonly type: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly bytes: Readable;
  /** SHA-256 the caller expects, hex; another one is refused. */
  readonly sha256?: string | undefined;
  readonly precondition: StatedPrecondition;
  /** A package with the same `otau_info` stays as it is, its bytes and other tags included. */
  readonly byTextAlone?: boolean;
  readonly actor: Actor;
};

export type Uploaded = { readonly record: ContentRecord; readonly created: boolean };

const unknownItem = (productId: string, id: string) =>
  new OtauError("NOT_FOUND", `There is no content item ${id} in product ${productId}.`);

/** The content area of a product: what is uploaded, found, fetched and deleted there. */
export function makeManageContent({ content, blobs, settleUses }: ContentDeps) {
  /** A deployment is found to be over a moment after its last update: a package is not in use for that moment. */
  async function whenUnused<Result>(
    productId: string,
    id: string,
    change: () => Promise<Result>,
  ): Promise<Result> {
    try {
      return await change();
    } catch (error) {
      if (!(error instanceof OtauError) || error.code !== "PACKAGE_IN_USE") throw error;
      await settleUses(productId, id);
      return change();
    }
  }

  /** Streams the bytes to their place, then names them: a broken upload leaves no item. */
  async function upload(input: Upload): Promise<Uploaded> {
    if (input.precondition.ifExists && (await content.get(input.productId, input.id)) === undefined) {
      refuseMismatch(`item ${input.id}`, undefined, input.precondition);
    }
    const { sha256, length } = await blobs.write(input.bytes);
    if (input.sha256 !== undefined && input.sha256.toLowerCase() !== sha256) {
      throw new OtauError(
        "INVALID_INPUT",
        `The bytes have the SHA-256 ${sha256}, not ${input.sha256}; send them again.`,
        {
          errors: [{ path: "sha256", message: `is ${input.sha256}, but the bytes have ${sha256}` }],
        },
      );
    }
    const { productId, id, type, tags } = input;
    const item = asItStands(
      await content.get(productId, id),
      { id, type, tags, length, sha256 },
      { byTextAlone: input.byTextAlone === true },
    );
    const { record, outcome } = await whenUnused(productId, id, () =>
      content.put(productId, item, input.precondition, input.actor),
    );
    return { record, created: outcome === "created" };
  }

  /** NOT_FOUND. */
  async function get(productId: string, id: string): Promise<ContentRecord> {
    const record = await content.get(productId, id);
    if (record === undefined) throw unknownItem(productId, id);
    return record;
  }

  /** A package by its id: an item that is no package is not found. */
  async function getPackage(productId: string, id: string): Promise<ContentRecord> {
    const record = isPackageId(id) ? await content.get(productId, id) : undefined;
    if (record === undefined)
      throw new OtauError("NOT_FOUND", `There is no package ${id} in product ${productId}.`);
    return record;
  }

  async function open(
    productId: string,
    id: string,
    range?: { start: number; end: number },
  ): Promise<{ record: ContentRecord; bytes: Readable }> {
    const record = await get(productId, id);
    const bytes = await blobs.read(record.sha256, range);
    if (bytes === undefined) {
      throw new OtauError(
        "INTERNAL",
        `The bytes of ${id} (${record.sha256}) are missing from the data directory.`,
      );
    }
    return { record, bytes };
  }

  async function remove(
    productId: string,
    id: string,
    precondition: Precondition,
    actor: Actor,
  ): Promise<void> {
    if (!(await whenUnused(productId, id, () => content.remove(productId, id, precondition, actor))))
      throw unknownItem(productId, id);
  }

  return { upload, get, getPackage, open, remove };
}
