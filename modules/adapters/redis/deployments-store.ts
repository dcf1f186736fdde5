import type { DeploymentStore } from "../../usecases/ports.ts";
import { withStoreErrors } from "./connection.ts";
import { acceptDraft } from "./deployments-accept.ts";
import { listNewestFirst } from "./deployments-list.ts";
import { takeDeploymentRate } from "./deployments-rate.ts";
import { makeDeploymentReader } from "./deployments-reader.ts";
import { condemnPrepared, prepareDeployment, updateDeployment } from "./deployments-scripts.ts";
import { changedMutable, deploymentEvent, isOpen, withoutMutable } from "./deployments-text.ts";
import { productKeys } from "./product-keys.ts";
import { type ProductStoreDeps, runProductScript } from "./product-scripts.ts";

/** Preparations that one round of upkeep takes up. */
const condemnedMax = 100;

export type DeploymentStoreDeps = ProductStoreDeps & {
  /** Time that never leaps, in milliseconds. */
  readonly monotonicMs: () => number;
};

/** Deployments of all products. */
export function makeDeploymentStore(deps: DeploymentStoreDeps): DeploymentStore {
  const { redis } = deps;
  const reader = makeDeploymentReader(deps, deps.monotonicMs);

  return {
    getMany: reader.getMany,
    get: async (productId, id) => (await reader.getMany(productId, [id])).get(id),
    refresh: async (productId, id) => (await reader.readMany(productId, [id])).get(id),

    async prepare(productId, id) {
      await runProductScript(deps, prepareDeployment, [productKeys.prepared(productId)], [id]);
    },
    prepared: async (productId, olderThanMs) => [
      ...(await runProductScript(
        deps,
        condemnPrepared,
        [productKeys.prepared(productId)],
        [olderThanMs, condemnedMax],
      )),
    ],
    async dropPrepared(productId, id) {
      await withStoreErrors(() => redis.zrem(productKeys.prepared(productId), id));
    },

    accept: (draft, idempotency, actor) => acceptDraft(deps, reader, draft, idempotency, actor),

    list: (productId, options) => listNewestFirst(deps, reader, productId, options),

    async update(record, change, { fenced, actor }) {
      const mutable = changedMutable(record, change, deps.clock.roughNow());
      const mutableText = JSON.stringify(mutable);
      const { productId, id } = record;
      const [outcome, revision = "", generation = ""] = await runProductScript(
        deps,
        updateDeployment,
        [
          productKeys.deployment(productId, id),
          productKeys.deploymentsIn(productId, record.state),
          productKeys.deploymentsIn(productId, mutable.state),
          productKeys.openDeployments(productId),
          productKeys.packageOpen(productId, record.packageId),
          productKeys.log(productId),
        ],
        [
          id,
          record.revision,
          mutableText,
          isOpen(mutable) ? 1 : 0,
          fenced ? 1 : 0,
          deploymentEvent(record, { from: record.state, to: mutable.state, reason: mutable.reason }, actor),
        ],
      );
      if (outcome === "stale") return undefined;
      const varying = { revision, generation, mutableText, withdrawn: record.withdrawn };
      const stored = reader.store(productId, id, { ...varying, seq: String(record.seq), fixedText: "" });
      return stored ?? { ...withoutMutable(record), ...mutable, ...numbers(revision, generation) };
    },

    open: (productId) =>
      withStoreErrors(() => redis.zrange(productKeys.openDeployments(productId), "0", "-1")),

    takeRate: (productId, deploymentId, ratePerMinute, want) =>
      takeDeploymentRate(deps, productId, deploymentId, ratePerMinute, want),
  };
}

function numbers(revision: string, generation: string): { revision: number; generation: number } {
  return { revision: Number(revision), generation: Number(generation) };
}
