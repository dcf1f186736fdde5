import { figuresOf, type GateFigures, trips } from "../otau/rollout-gate.ts";
import type { DeploymentRecord, DeploymentStore, DeviceStore } from "./ports.ts";
import type { ProductSettingsOf } from "./product-settings.ts";

/** Deployments of a package that are counted, the newest first. */
const countedMax = 50;

export type BrakeDeps = {
  readonly devices: Pick<DeviceStore, "totalsMany">;
  readonly deployments: Pick<DeploymentStore, "list">;
  readonly settingsOf: ProductSettingsOf;
};

/** How the updates of all deployments of a package ended. */
export type BrakeCount = Pick<GateFigures, "counted" | "failed">;

/** The product's brake: it judges a package by all of its deployments together. */
export function makeBrakePackage({ devices, deployments, settingsOf }: BrakeDeps) {
  async function brakeOf({ productId, source }: DeploymentRecord) {
    return source === "apply" ? (await settingsOf(productId)).brake : undefined;
  }

  async function count({ productId, packageId, packageRevision }: DeploymentRecord): Promise<BrakeCount> {
    const { items } = await deployments.list(productId, { packageId, limit: countedMax });
    const same = items.filter((each) => each.source === "apply" && each.packageRevision === packageRevision);
    const totals = await devices.totalsMany(same.map(({ id }) => id));
    const sum = { confirmed: 0, unconfirmed: 0, failed: 0 };
    for (const { succeeded, failed, timed_out, aborted } of totals) {
      sum.confirmed += succeeded;
      sum.failed += failed + timed_out + aborted;
    }
    return figuresOf(sum, false);
  }

  /** What a resume accepts; undefined = the product has no brake. */
  async function accepted(record: DeploymentRecord): Promise<BrakeCount | undefined> {
    return (await brakeOf(record)) && (await count(record));
  }

  /** The figures by which the package's brake trips for the deployment now. */
  async function tripped(record: DeploymentRecord): Promise<GateFigures | undefined> {
    const brake = await brakeOf(record);
    if (brake === undefined) return undefined;
    const { counted, failed } = await count(record);
    const from = record.brakeFrom ?? { counted: 0, failed: 0 };
    const failedSince = Math.max(0, failed - from.failed);
    const outcomes = { confirmed: Math.max(0, counted - from.counted - failedSince), unconfirmed: 0 };
    const figures = figuresOf({ ...outcomes, failed: failedSince }, false);
    return trips(brake, figures) ? figures : undefined;
  }

  return { accepted, tripped };
}
