import type { DeploymentState } from "../../otau/vocabulary.ts";
import type { DeploymentRecord } from "../../usecases/ports.ts";
import type { DeploymentReader } from "./deployments-reader.ts";
import { productKeys } from "./product-keys.ts";
import { type ProductStoreDeps, productScript, runProductScript } from "./product-scripts.ts";

type ListOptions = {
  readonly states?: readonly DeploymentState[];
  readonly packageId?: string;
  readonly before?: number;
  readonly limit: number;
};

/** Newest members below a seq of several indexes at one moment. KEYS: the indexes. ARGV: below which seq, how many. */
const newestMembers = productScript(
  "newestMembers",
  `
local reply = {}
for i = 1, #KEYS do
  local found = redis.call('ZREVRANGEBYSCORE', KEYS[i], ARGV[1], '-inf', 'WITHSCORES', 'LIMIT', 0, ARGV[2])
  for j = 1, #found do reply[#reply + 1] = found[j] end
end
return reply`,
);

/** Deployments newest first; the next page begins below `next`. Reads past the cache. */
export async function listNewestFirst(
  deps: ProductStoreDeps,
  reader: DeploymentReader,
  productId: string,
  options: ListOptions,
): Promise<{ items: DeploymentRecord[]; next?: number }> {
  const { states, packageId, limit } = options;
  const keys = indexesFor(productId, options);
  const items: DeploymentRecord[] = [];
  let below = options.before;
  for (;;) {
    const page = await newest(deps, keys, below, limit);
    const records = await reader.readMany(
      productId,
      page.map(({ id }) => id),
    );
    for (const { id, seq } of page) {
      const record = records.get(id);
      below = seq;
      // An index names what was so when it was read; a long id's index may also be another's.
      if (record === undefined || (states !== undefined && !states.includes(record.state))) continue;
      if (packageId !== undefined && record.packageId !== packageId) continue;
      items.push(record);
      if (items.length === limit) return { items, next: seq };
    }
    if (page.length < limit) return { items };
  }
}

function indexesFor(productId: string, { states, packageId }: ListOptions): string[] {
  if (packageId !== undefined) return [productKeys.packageDeployments(productId, packageId)];
  if (states === undefined) return [productKeys.deployments(productId)];
  return [...new Set(states)].map((state) => productKeys.deploymentsIn(productId, state));
}

async function newest(
  deps: ProductStoreDeps,
  keys: readonly string[],
  below: number | undefined,
  limit: number,
): Promise<{ id: string; seq: number }[]> {
  const max = below === undefined ? "+inf" : `(${below}`;
  const cells = await runProductScript(deps, newestMembers, keys, [max, limit]);
  const found = new Map<string, number>();
  for (let at = 0; at + 1 < cells.length; at += 2) found.set(cells[at] ?? "", Number(cells[at + 1]));
  return [...found]
    .map(([id, seq]) => ({ id, seq }))
    .sort((a, b) => b.seq - a.seq)
    .slice(0, limit);
}
