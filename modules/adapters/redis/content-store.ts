import { OtauError } from "../../errors.ts";
import { isPackageId } from "../../otau/ids.ts";
import type { Actor } from "../../otau/vocabulary.ts";
import type { ContentRecord, ContentStore, Precondition } from "../../usecases/ports.ts";
import { withStoreErrors } from "./connection.ts";
import { packagesWithOpen, putItem, removeItem, withdrawItem } from "./content-scripts.ts";
import { contentBodyText, readContentText, rememberContent } from "./content-text.ts";
import { defaultProductId, productKeys } from "./product-keys.ts";
import { type ProductStoreDeps, runProductScript } from "./product-scripts.ts";

/** How often a withdrawal begins anew while deployments of the package come and go. */
const withdrawTriesMax = 20;

/** Content items of all products; packages among them. Bytes are in a BlobStore under their digest. */
export function makeContentStore(deps: ProductStoreDeps): ContentStore {
  const { redis } = deps;
  const readText = rememberContent();

  async function getMany(productId: string, ids: readonly string[]): Promise<ContentRecord[]> {
    if (ids.length === 0) return [];
    const texts = await withStoreErrors(() => redis.hmget(productKeys.items(productId), ...ids));
    return ids.flatMap((id, at) => {
      const record = readText(productId, id, texts[at] ?? "");
      return record === undefined ? [] : [record];
    });
  }

  return {
    get: async (productId, id) => (await getMany(productId, [id]))[0],

    async list(productId, { prefix = "", after, limit }) {
      const from = after !== undefined && after >= prefix ? `(${after}` : `[${prefix}`;
      const to = prefix === "" ? "+" : `(${prefix}\u{10ffff}`;
      const ids = await withStoreErrors(() =>
        redis.zrangebylex(productKeys.itemIds(productId), from, to, "LIMIT", 0, limit),
      );
      const items = await getMany(productId, ids);
      const last = ids.at(-1);
      return ids.length < limit || last === undefined ? { items } : { items, next: last };
    },

    async listPackages(productId, { before, limit }) {
      const max = before === undefined ? "+inf" : `(${before}`;
      const found = await withStoreErrors(() =>
        redis.zrevrangebyscore(productKeys.packages(productId), max, "-inf", "WITHSCORES", "LIMIT", 0, limit),
      );
      const ids = found.filter((_, at) => at % 2 === 0);
      const items = await getMany(productId, ids);
      return ids.length < limit ? { items } : { items, next: Number(found.at(-1)) };
    },

    async put(productId, item, precondition, actor) {
      const isPackage = isPackageId(item.id);
      const reply = await runProductScript(
        deps,
        putItem,
        [
          productKeys.items(productId),
          productKeys.itemIds(productId),
          productKeys.packages(productId),
          productKeys.counters(productId),
          productKeys.log(productId),
          productKeys.record(productId),
          productKeys.packageOpen(productId, item.id),
        ],
        [
          item.id,
          contentBodyText(item),
          isPackage ? 1 : 0,
          ...conditionArgs(precondition),
          productId === defaultProductId ? 0 : 1,
          packageEvent(item.id, { to: "available" }, actor),
        ],
      );
      const [outcome = "", text = ""] = reply;
      refuse(outcome, text, productId, item.id, "replaced");
      return { record: known(productId, item.id, text), outcome: outcome as "created" };
    },

    async remove(productId, id, precondition, actor) {
      const [outcome = "", revision = ""] = await runProductScript(
        deps,
        removeItem,
        [
          productKeys.items(productId),
          productKeys.itemIds(productId),
          productKeys.packages(productId),
          productKeys.withdrawn(productId),
          productKeys.log(productId),
          productKeys.packageOpen(productId, id),
        ],
        [
          id,
          isPackageId(id) ? 1 : 0,
          ...conditionArgs(precondition),
          packageEvent(id, { to: "deleted" }, actor),
        ],
      );
      refuse(outcome, revision, productId, id, "deleted");
      return outcome === "removed";
    },

    async setWithdrawn(productId, id, withdrawn, actor) {
      const openKey = productKeys.packageOpen(productId, id);
      for (let tries = 0; tries < withdrawTriesMax; tries++) {
        const open = await withStoreErrors(() => redis.smembers(openKey));
        const [outcome, text = "", ...fenced] = await runProductScript(
          deps,
          withdrawItem,
          [
            productKeys.items(productId),
            productKeys.withdrawn(productId),
            productKeys.log(productId),
            openKey,
            ...open.map((deploymentId) => productKeys.deployment(productId, deploymentId)),
          ],
          [
            id,
            withdrawn ? 1 : 0,
            JSON.stringify(withdrawn?.reason ?? ""),
            packageEvent(
              id,
              withdrawn ? { to: "withdrawn", reason: withdrawn.reason } : { to: "available" },
              actor,
            ),
            ...open,
          ],
        );
        if (outcome === "absent") return undefined;
        if (outcome !== "again") return { record: known(productId, id, text), fenced: readFenced(fenced) };
      }
      throw new OtauError(
        "STORE_UNAVAILABLE",
        `Too many applies of package ${id} at once: try again shortly.`,
        {
          retryAfterSeconds: 1,
        },
      );
    },

    openDeployments: (productId, packageId) =>
      withStoreErrors(() => redis.smembers(productKeys.packageOpen(productId, packageId))),

    async packagesInUse(productId, packageIds) {
      if (packageIds.length === 0) return new Set();
      const keys = packageIds.map((packageId) => productKeys.packageOpen(productId, packageId));
      return new Set(await runProductScript(deps, packagesWithOpen, keys, packageIds));
    },

    isEmpty: async (productId) =>
      (await withStoreErrors(() => redis.zcard(productKeys.itemIds(productId)))) === 0,
  };
}

function conditionArgs({ ifMatch, ifNoneMatch }: Precondition): [string, number] {
  return [ifMatch === undefined ? "" : String(ifMatch), ifNoneMatch ? 1 : 0];
}

function packageEvent(packageId: string, moved: { to: string; reason?: string }, actor: Actor): string {
  return JSON.stringify({ type: "package.changed", packageId, ...moved, actor });
}

function known(productId: string, id: string, text: string): ContentRecord {
  const record = readContentText(productId, id, text);
  if (record === undefined) throw new Error(`item ${id} of product ${productId} came back without its body`);
  return record;
}

function readFenced(flat: readonly string[]): { deploymentId: string; generation: number }[] {
  const fenced: { deploymentId: string; generation: number }[] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) {
    fenced.push({ deploymentId: flat[at] ?? "", generation: Number(flat[at + 1]) });
  }
  return fenced;
}

function refuse(outcome: string, revision: string, productId: string, id: string, act: string): void {
  if (outcome === "noProduct") throw new OtauError("NOT_FOUND", `There is no product ${productId}.`);
  if (outcome === "inUse") {
    throw new OtauError(
      "PACKAGE_IN_USE",
      `Package ${id} cannot be ${act} while updates that refer to it are not final; cancel them or wait, or use another id.`,
    );
  }
  if (outcome === "mismatch") {
    throw new OtauError(
      "REVISION_MISMATCH",
      revision === ""
        ? `There is no item ${id} that If-Match could fit; create it without If-Match.`
        : `Item ${id} is at revision ${revision}; read it again and decide anew.`,
      revision === "" ? {} : { revision: Number(revision) },
    );
  }
}
