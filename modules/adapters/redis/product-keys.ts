import { createHash } from "node:crypto";
import type { DeploymentState } from "../../otau/vocabulary.ts";
import { encodeKeyPart, productKey } from "./keys.ts";

/**
 * Keys of what belongs to a product as a whole. They share the product's hash tag, so that one script may change
 * several of them. Product and package ids hold no character that means anything in a key; ids of content, callers'
 * texts and the like are fields or are digested.
 */
const inProduct = (productId: string, rest: string): string => productKey(productId, rest);

/** The product that exists from the first start and cannot be deleted. */
export const defaultProductId = "default";

/** All product ids ever used; whether one exists is told by its record. */
export const productIdsKey = "otau:{products}:ids";

export const productKeys = {
  /** Hash: the product's settings, revision and creation. */
  record: (productId: string) => inProduct(productId, "product"),
  /** Hash: rising numbers given out, of content items and of deployments. */
  counters: (productId: string) => inProduct(productId, "counters"),
  /** Stream: what changed in this slot, until it is relayed into the journal. */
  log: (productId: string) => inProduct(productId, "log"),
  /** Stream: the product's journal. */
  journal: (productId: string) => inProduct(productId, "journal"),
  /** Hash: how far the journal and each of its sources have come. */
  journalHead: (productId: string) => inProduct(productId, "journal:head"),

  /** String: which totals of a deployment the journal was told last, and when. */
  toldTotals: (productId: string, deploymentId: string) =>
    inProduct(productId, `told:${encodeKeyPart(deploymentId)}`),

  /** String: how many updates of a deployment were final, at which times. */
  pace: (productId: string, deploymentId: string) =>
    inProduct(productId, `pace:${encodeKeyPart(deploymentId)}`),

  /** Hash: content id to record. */
  items: (productId: string) => inProduct(productId, "items"),
  /** Sorted set: content ids in order. */
  itemIds: (productId: string) => inProduct(productId, "items:ids"),
  /** Sorted set: package ids by order of creation. */
  packages: (productId: string) => inProduct(productId, "packages"),
  /** Hash: withdrawn package ids. */
  withdrawn: (productId: string) => inProduct(productId, "withdrawn"),
  /** Set: deployments that are open and refer to the package. */
  packageOpen: (productId: string, packageId: string) =>
    inProduct(productId, `open:${encodeKeyPart(packageId)}`),
  /** Sorted set: the package's deployments by seq. */
  packageDeployments: (productId: string, packageId: string) =>
    inProduct(productId, `deps:p:${encodeKeyPart(packageId)}`),

  /** Hash: one deployment. */
  deployment: (productId: string, deploymentId: string) =>
    inProduct(productId, `dep:${encodeKeyPart(deploymentId)}`),
  /** Sorted set: all deployments by seq. */
  deployments: (productId: string) => inProduct(productId, "deps"),
  /** Sorted set: deployments in a state, by seq. */
  deploymentsIn: (productId: string, state: DeploymentState) => inProduct(productId, `deps:s:${state}`),
  /** Sorted set: deployments that have not ended, by seq. */
  openDeployments: (productId: string) => inProduct(productId, "deps:open"),
  /** Sorted set: deployments being prepared, by when that began; negative = condemned to be dropped. */
  prepared: (productId: string) => inProduct(productId, "deps:prepared"),
  /** String: what a deployment has used of its rate. */
  rate: (productId: string, deploymentId: string) =>
    inProduct(productId, `rate:${encodeKeyPart(deploymentId)}`),

  /** Hash: an answer kept under an idempotency key. */
  idempotency: (productId: string | undefined, record: string) =>
    productId === undefined
      ? `otau:{idem}:${digestOf(record)}`
      : inProduct(productId, `idem:${digestOf(record)}`),
} as const;

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}
