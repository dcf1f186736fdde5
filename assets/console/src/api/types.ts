// The shapes are the server's own: types alone cross over, no code of it.
import type { HistoryLineView, UpdateView } from "../../../../modules/otau/update-view.ts";
import type { DeploymentDetail as DetailView } from "../../../../modules/usecases/deployment-insight.ts";
import type { DeploymentView } from "../../../../modules/usecases/deployment-view.ts";
import type { DeviceView } from "../../../../modules/usecases/device-view.ts";
import type { PackageView } from "../../../../modules/usecases/package-view.ts";

export type Update = UpdateView;
export type HistoryLine = HistoryLineView;
export type Device = DeviceView;
export type PackageInfo = PackageView;
export type Totals = DeploymentView["totals"];

/** A deployment with its totals. */
export type Deployment = DeploymentView;

/** A deployment by itself: also where it goes and where it hangs. */
export type DeploymentDetail = DetailView;

/** One page of a list. */
export type Page<Item> = { readonly items: readonly Item[]; readonly next: string | null };

/** A product as the picker needs it. */
export type Product = { readonly id: string; readonly name?: string };

/** Counts of a product's devices. */
export type Summary = {
  readonly total: number;
  readonly byUpdateState: Readonly<Record<string, number>>;
  readonly byInstalledVersion: readonly { readonly version: string | null; readonly count: number }[];
  readonly drifted: number;
  readonly online: number;
  readonly seen: {
    readonly lastHour: number;
    readonly lastDay: number;
    readonly earlier: number;
    readonly never: number;
  };
};

/** Why a device stands where it stands. */
export type Why = {
  readonly code: string;
  readonly text: string;
  readonly since?: string;
  readonly until?: string;
  readonly deploymentId?: string;
};

/** One line of the journal, as the stream tells it. */
export type StreamEvent = {
  readonly id: string;
  readonly at: string;
  readonly type: string;
  readonly seq: number;
  readonly identity?: string;
  readonly updateId?: string;
  readonly deploymentId?: string;
  readonly packageId?: string;
  readonly version?: string;
  readonly attempt?: number;
  readonly from?: string;
  readonly to?: string;
  readonly reason?: string;
  readonly decision?: string;
  readonly totals?: Totals;
  readonly actor: { readonly kind: string; readonly id: string };
  readonly revision: number;
};

/** Murano's view of a device's resources. */
export type DeviceState = Readonly<
  Record<string, { readonly timestamp: number; readonly set?: unknown; readonly reported?: unknown }>
>;

/** Answer of an apply that was only tried out. */
export type DryRun = {
  readonly total: number;
  readonly skipped: Readonly<Record<string, number>>;
  readonly sample: readonly string[];
  readonly forecastMs: number;
};

/** What `/readyz` says of the store. */
export type Readiness = {
  readonly status: "ready" | number;
  readonly detail?: string;
  readonly store: { readonly rung: string; readonly durability: string; readonly note: string };
  readonly checks: readonly { readonly name: string; readonly isOk: boolean; readonly detail: string }[];
};
