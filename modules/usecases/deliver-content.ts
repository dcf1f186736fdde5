import { OtauError } from "../errors.ts";
import { isContentId } from "../otau/ids.ts";
import type { Ms } from "../otau/model.ts";
import type { ContentLinks } from "./content-links.ts";
import type { DeviceContent, FollowedLink, SignedLink } from "./device-access.ts";
import type { BlobStore, ContentRecord, ContentStore } from "./ports.ts";

const page = 500;

export type DeliverContentDeps = {
  readonly content: Pick<ContentStore, "get" | "list">;
  readonly blobs: Pick<BlobStore, "read">;
  readonly links: Pick<ContentLinks, "check">;
  readonly now: () => Ms;
};

export type DeliverContent = ReturnType<typeof makeDeliverContent>;

/** The content area of a product as its devices see it. */
export function makeDeliverContent({ content, blobs, links, now }: DeliverContentDeps) {
  function deliverable(record: ContentRecord): DeviceContent {
    const { id, type, length, sha256, lastModified, tags } = record;
    return {
      type,
      length,
      sha256,
      lastModified,
      tags,
      async open(range) {
        const bytes = await blobs.read(sha256, range);
        if (bytes !== undefined) return bytes;
        throw new OtauError(
          "INTERNAL",
          `The bytes of ${id} (${sha256}) are missing from the data directory.`,
        );
      },
    };
  }

  /** Ids of all items, in order. */
  async function list(productId: string): Promise<readonly string[]> {
    const ids: string[] = [];
    let after: string | undefined;
    do {
      const { items, next } = await content.list(productId, { limit: page, ...(after && { after }) });
      ids.push(...items.map(({ id }) => id));
      after = next;
    } while (after !== undefined);
    return ids;
  }

  async function find(productId: string, id: string): Promise<DeviceContent | undefined> {
    const record = isContentId(id) ? await content.get(productId, id) : undefined;
    return record && deliverable(record);
  }

  async function follow(link: SignedLink): Promise<FollowedLink> {
    const verdict = links.check(link, now());
    if (verdict !== "valid") return { outcome: verdict };
    const found = await find(link.productId, link.id);
    return found === undefined ? { outcome: "gone" } : { outcome: "found", content: found };
  }

  return { list, find, follow };
}
