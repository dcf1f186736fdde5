import semver from "semver";
import type { Deployment, Device, Ms } from "./model.ts";
import type { RestRule } from "./policy.ts";

/** Whether the target is older than what is installed: by `sequence` where both have one, else by semver. */
export function isDowngrade({ downgrade, version }: Deployment, installed: string | undefined): boolean {
  if (downgrade === undefined || installed === undefined || installed === version) return false;
  if (downgrade.newer.includes(installed)) return true;
  if (downgrade.older.includes(installed)) return false;
  const [from, to] = [semver.parse(installed), semver.parse(version)];
  return from !== null && to !== null && semver.gt(from, to);
}

/** What a failed attempt makes of the device: the failures it is remembered by, or the rest it has earned. */
export function afterFailure(
  { failedAt = [] }: Pick<Device, "failedAt">,
  { failures, withinMs, forMs }: RestRule,
  now: Ms,
): { readonly failedAt: readonly Ms[] | undefined; readonly restUntil?: Ms } {
  const recent = [...failedAt.filter((at) => at > now - withinMs), now];
  if (recent.length < failures) return { failedAt: recent };
  return { failedAt: undefined, restUntil: now + forMs };
}
