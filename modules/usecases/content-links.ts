import { createHmac, timingSafeEqual } from "node:crypto";
import { OtauError } from "../errors.ts";
import type { Ms } from "../otau/model.ts";
import { listContentLinks, substituteContentLinks } from "../otau/package-links.ts";
import { contentLinkPrefix } from "../otau/package-payload.ts";
import { contentLinkRoot, type SignedLink } from "./device-access.ts";
import type { ContentStore } from "./ports.ts";

const yearMs = 365 * 86_400_000;
const secondMs = 1000;

/** One write of `config_otau`, as far as links follow from it. */
export type LinkedWrite = {
  readonly productId: string;
  readonly configText: string;
  /** Microsecond stamp of the value. */
  readonly timestampUs: number;
  /** Total time of the deployment: no attempt outlives it. `null` = without end. */
  readonly totalMs: Ms | null;
};

export type ContentLinksDeps = {
  readonly secret: string;
  /** Where devices reach the HTTP device API, without a slash at its end; known when the listeners are open. */
  readonly base: () => string;
};

export type ContentLinks = ReturnType<typeof makeContentLinks>;

/** Links to content bytes that need no credential: they are signed, and end. */
export function makeContentLinks({ secret, base }: ContentLinksDeps) {
  const sign = (productId: string, id: string, expires: string): string =>
    createHmac("sha256", secret).update(`${productId}\n${id}\n${expires}`).digest("base64url");

  /** A link to the item's bytes that holds to the end of the second of `expiresAt`. */
  function link(productId: string, id: string, expiresAt: Ms): string {
    const expires = String(Math.ceil(expiresAt / secondMs));
    const signature = sign(productId, id, expires);
    // Ids hold nothing that a path must escape, and their slashes read well in one.
    return `${base()}${contentLinkRoot}${productId}/${id}?expires=${expires}&signature=${signature}`;
  }

  function check({ productId, id, expires, signature }: SignedLink, now: Ms): "valid" | "forged" | "expired" {
    const wanted = Buffer.from(sign(productId, id, expires));
    const given = Buffer.from(signature);
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return "forged";
    return Number(expires) * secondMs > now ? "valid" : "expired";
  }

  /**
   * The text that is handed to the device: content links replaced by signed ones that hold as long as the update can
   * live, all else byte for byte. What it says follows from the write alone, so reading again gives the same text.
   */
  function render(write: LinkedWrite): string {
    const { productId, configText, timestampUs, totalMs } = write;
    const expiresAt = Math.floor(timestampUs / 1000) + (totalMs ?? yearMs);
    return substituteContentLinks(configText, (id) => link(productId, id, expiresAt));
  }

  return { link, check, render };
}

/** PACKAGE_INVALID when the payload stands for bytes of an item that the product does not have. */
export async function refuseMissingContent(
  content: Pick<ContentStore, "get">,
  { productId, packageId, configText }: { productId: string; packageId: string; configText: string },
): Promise<void> {
  const ids = [...new Set(listContentLinks(configText))];
  const found = await Promise.all(ids.map((id) => content.get(productId, id)));
  const missing = ids.filter((_, index) => found[index] === undefined);
  const [first] = missing;
  if (first === undefined) return;
  const others = missing.length > 1 ? ` and ${missing.length - 1} more` : "";
  throw new OtauError(
    "PACKAGE_INVALID",
    `Package ${packageId} links to content item ${first}${others}, which product ${productId} does not have; upload it first.`,
    {
      errors: missing.slice(0, 100).map((id) => ({
        path: "/config_otau/payload",
        message: `${contentLinkPrefix}${id} names no content item`,
      })),
    },
  );
}
