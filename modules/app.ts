import type { Logger } from "pino";
import type { PackageRules } from "./otau/package-payload.ts";
import type { Platform } from "./platform/platform.ts";
import { createDefiners } from "./runtime/define.ts";
import type { makeApplyPackage } from "./usecases/apply-package.ts";
import type { makeCancelUpdate } from "./usecases/cancel-update.ts";
import type { makeDeploymentInsight } from "./usecases/deployment-insight.ts";
import type { makeDeviceState } from "./usecases/device-state.ts";
import type { makeExplainDevice } from "./usecases/explain-device.ts";
import type { makeListUpdates } from "./usecases/list-updates.ts";
import type { makeManageContent } from "./usecases/manage-content.ts";
import type { makeManageDevices } from "./usecases/manage-devices.ts";
import type { makeManagePackages } from "./usecases/manage-packages.ts";
import type { makeManageProducts } from "./usecases/manage-products.ts";
import type { makeManageTokens } from "./usecases/manage-tokens.ts";
import type { makeManageWebhooks } from "./usecases/manage-webhooks.ts";
import type { ContentStore, DeploymentStore, DeviceStore, Role } from "./usecases/ports.ts";
import type { makeReadAudit } from "./usecases/read-audit.ts";
import type { makeRecordReports } from "./usecases/record-reports.ts";
import type { makeRetryUpdates } from "./usecases/retry-updates.ts";
import type { makeSteerDeployment } from "./usecases/steer-deployment.ts";
import type { makeStreamEvents } from "./usecases/stream-events.ts";
import type { makeWatchHealth } from "./usecases/watch-health.ts";

/** All that endpoints, event handlers and services may do: the use cases, and the stores they read lists from. */
export type App = {
  readonly applyPackage: ReturnType<typeof makeApplyPackage>;
  readonly recordReports: ReturnType<typeof makeRecordReports>;
  readonly cancelUpdate: ReturnType<typeof makeCancelUpdate>;
  readonly retryUpdates: ReturnType<typeof makeRetryUpdates>;
  readonly steer: ReturnType<typeof makeSteerDeployment>;
  readonly withInsight: ReturnType<typeof makeDeploymentInsight>;
  readonly updates: ReturnType<typeof makeListUpdates>;
  readonly explainDevice: ReturnType<typeof makeExplainDevice>;
  readonly products: ReturnType<typeof makeManageProducts>;
  readonly devices: ReturnType<typeof makeManageDevices>;
  readonly deviceState: ReturnType<typeof makeDeviceState>;
  readonly packages: ReturnType<typeof makeManagePackages>;
  readonly content: ReturnType<typeof makeManageContent>;
  readonly tokens: ReturnType<typeof makeManageTokens>;
  readonly health: ReturnType<typeof makeWatchHealth>;
  readonly webhooks: ReturnType<typeof makeManageWebhooks>;
  readonly audit: ReturnType<typeof makeReadAudit>;
  readonly stream: Pick<ReturnType<typeof makeStreamEvents>, "read">;
  readonly rules: PackageRules;
  /** Reads for lists and single views; endpoints write through the use cases alone. */
  readonly read: {
    readonly devices: Pick<
      DeviceStore,
      "load" | "loadMany" | "list" | "summary" | "history" | "totals" | "totalsMany"
    >;
    readonly deployments: Pick<DeploymentStore, "refresh" | "list">;
    readonly content: Pick<ContentStore, "list">;
  };
  /** Hands an event to the solution's own handlers and answers what they return. */
  readonly emit: (service: string, event: string, payload: unknown) => Promise<unknown>;
  /** The OpenAPI document of this solution. */
  readonly openapi: () => unknown;
};

/** What every handler gets beside its input: the app, and the Murano services for the product it is called about. */
export type Helpers = Platform & {
  readonly app: App;
  /** A child logger that names the handler and the request. */
  readonly log: Logger;
  readonly context: {
    readonly handler: string;
    readonly requestId?: string;
    readonly service?: string;
    readonly event?: string;
  };
};

/** The definers of this solution's handlers: `export default endpoint({ … })`, `export default eventHandler({ … })`. */
export const { endpoint, eventHandler, initScript } = createDefiners<Helpers, Role>();
