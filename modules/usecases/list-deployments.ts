import type { DeploymentState } from "../otau/vocabulary.ts";
import type { DeploymentRecord, DeploymentStore } from "./ports.ts";

const scanChunk = 200;
/** Most deployments that one request looks at while it filters; its cursor goes on from there. */
const scanMax = 5000;

export type DeploymentFilter = {
  readonly state?: readonly DeploymentState[] | undefined;
  readonly packageId?: readonly string[] | undefined;
};

/** Deployments newest first. `next` is the seq to go on below. */
export async function listDeployments(
  deployments: Pick<DeploymentStore, "list">,
  productId: string,
  { state, packageId }: DeploymentFilter,
  page: { readonly before?: number | undefined; readonly limit: number },
): Promise<{ items: DeploymentRecord[]; next?: number }> {
  const [only, ...more] = packageId ?? [];
  const isIndexed = more.length === 0;
  const limit = isIndexed ? page.limit : scanChunk;
  const items: DeploymentRecord[] = [];
  let { before } = page;
  for (let scanned = 0; scanned < scanMax; scanned += scanChunk) {
    const read = await deployments.list(productId, {
      limit,
      ...(state ? { states: state } : {}),
      ...(isIndexed && only !== undefined ? { packageId: only } : {}),
      ...(before === undefined ? {} : { before }),
    });
    if (isIndexed) return read;
    for (const record of read.items) {
      before = record.seq;
      if (packageId?.includes(record.packageId)) items.push(record);
      if (items.length === page.limit) return { items, next: before };
    }
    if (read.next === undefined) return { items };
    before = read.next;
  }
  return before === undefined ? { items } : { items, next: before };
}
