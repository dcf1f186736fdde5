import type { DeploymentRecord } from "../../usecases/ports.ts";
import { type DeploymentCache, makeDeploymentCache } from "./deployments-cache.ts";
import { readDeployments } from "./deployments-scripts.ts";
import { productKeys } from "./product-keys.ts";
import { type ProductStoreDeps, runProductScript } from "./product-scripts.ts";

/** Records that one script reads; a fixed part may have some 100 KiB. */
const batch = 50;
const columns = 6;

export type DeploymentReader = ReturnType<typeof makeDeploymentReader>;

/** Reads deployments through a cache; reads that come while one is under way share it. */
export function makeDeploymentReader(deps: ProductStoreDeps, monotonicMs: () => number) {
  const cache = makeDeploymentCache(monotonicMs);
  const underWay = new Map<string, Promise<DeploymentRecord | undefined>>();

  async function readBatch(
    productId: string,
    ids: readonly string[],
    whole = false,
  ): Promise<Map<string, DeploymentRecord>> {
    const wantsFixed = ids.map((id) => whole || !cache.hasFixed(cacheKey(productId, id)));
    const cells = await runProductScript(
      deps,
      readDeployments,
      [productKeys.withdrawn(productId), ...ids.map((id) => productKeys.deployment(productId, id))],
      wantsFixed.map((wants) => (wants ? 1 : 0)),
    );
    const found = new Map<string, DeploymentRecord>();
    const crowdedOut: string[] = [];
    for (const [index, id] of ids.entries()) {
      const row = rowAt(cells, index);
      const record = row && cache.store(cacheKey(productId, id), row);
      if (record !== undefined) found.set(id, record);
      else if (row !== undefined) crowdedOut.push(id);
      else cache.forget(cacheKey(productId, id));
    }
    if (crowdedOut.length > 0 && !whole) {
      for (const [id, record] of await readBatch(productId, crowdedOut, true)) found.set(id, record);
    }
    return found;
  }

  /** Past the cache. */
  async function readMany(productId: string, ids: readonly string[]): Promise<Map<string, DeploymentRecord>> {
    const found = new Map<string, DeploymentRecord>();
    for (let at = 0; at < ids.length; at += batch) {
      for (const [id, record] of await readBatch(productId, ids.slice(at, at + batch))) found.set(id, record);
    }
    return found;
  }

  /** Starts one read for all ids that are not being read already. */
  function join(productId: string, ids: readonly string[]): Promise<DeploymentRecord | undefined>[] {
    const unread = ids.filter((id) => !underWay.has(cacheKey(productId, id)));
    if (unread.length > 0) {
      const reading = readMany(productId, unread);
      for (const id of unread) {
        const key = cacheKey(productId, id);
        const one = reading.then((found) => found.get(id)).finally(() => underWay.delete(key));
        underWay.set(key, one);
      }
    }
    return ids.map((id) => underWay.get(cacheKey(productId, id)) ?? Promise.resolve(undefined));
  }

  async function getMany(productId: string, ids: readonly string[]): Promise<Map<string, DeploymentRecord>> {
    const found = new Map<string, DeploymentRecord>();
    const stale: string[] = [];
    for (const id of new Set(ids)) {
      const record = cache.fresh(cacheKey(productId, id));
      if (record === undefined) stale.push(id);
      else found.set(id, record);
    }
    if (stale.length === 0) return found;
    for (const record of await Promise.all(join(productId, stale))) {
      if (record !== undefined) found.set(record.id, record);
    }
    return found;
  }

  return { getMany, readMany, store: storeIn(cache) };
}

/** Takes a record that was just written into the cache. */
function storeIn(cache: DeploymentCache) {
  return (productId: string, id: string, row: Parameters<DeploymentCache["store"]>[1]) =>
    cache.store(cacheKey(productId, id), row);
}

function cacheKey(productId: string, deploymentId: string): string {
  return `${productId}/${deploymentId}`;
}

function rowAt(cells: readonly string[], index: number) {
  const [revision, generation = "", seq = "", mutableText = "", withdrawn, fixedText = ""] = cells.slice(
    index * columns,
    index * columns + columns,
  );
  if (revision === undefined || revision === "") return undefined;
  return { revision, generation, seq, mutableText, withdrawn: withdrawn === "1", fixedText };
}
