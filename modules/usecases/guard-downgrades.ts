import { configVersionOf, sequenceOf } from "../otau/package-order.ts";
import type { DowngradeGuard } from "../otau/policy.ts";
import type { ContentRecord, ContentStore } from "./ports.ts";

const chunk = 200;
/** Packages that are compared, the newest first. */
const comparedMax = 2000;

/** How the versions of the product's packages stand to the one of `item`, by the `sequence` of their `otau_info`. */
export async function guardDowngrades(
  content: Pick<ContentStore, "listPackages">,
  item: ContentRecord,
): Promise<DowngradeGuard> {
  const own = sequenceOf(item.tags["otau_info"] ?? "");
  if (own === undefined) return { newer: [], older: [] };
  const highest = new Map<string, number>();
  let before: number | undefined;
  let compared = 0;
  do {
    const page = await content.listPackages(item.productId, {
      limit: chunk,
      ...(before === undefined ? {} : { before }),
    });
    for (const { tags } of page.items) {
      const text = tags["otau_info"] ?? "";
      const [sequence, version] = [sequenceOf(text), configVersionOf(text)];
      if (sequence === undefined || version === undefined) continue;
      highest.set(version, Math.max(sequence, highest.get(version) ?? sequence));
    }
    compared += page.items.length;
    before = page.next;
  } while (before !== undefined && compared < comparedMax);
  const versions = [...highest];
  return {
    newer: versions.filter(([, sequence]) => sequence > own).map(([version]) => version),
    older: versions.filter(([, sequence]) => sequence <= own).map(([version]) => version),
  };
}
