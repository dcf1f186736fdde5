import type { FinalState, UpdateState } from "../otau/vocabulary.ts";

/** The server's answers as far as the commands look at them; everything else is printed as it came. */

/** A deployment: one apply of a package. `totals` holds `total` and one number for each state. */
export type Deployment = {
  readonly id: string;
  readonly packageId?: string;
  readonly version?: string;
  readonly name?: string;
  readonly state: string;
  readonly reason?: string;
  readonly resolving?: boolean;
  readonly totals: Readonly<Record<string, number>>;
  readonly createdAt?: string;
  readonly createdBy?: unknown;
  readonly wave?: unknown;
};

/** What a deployment does to one device. */
export type Update = {
  readonly id: string;
  readonly identity: string;
  readonly packageId?: string;
  readonly version?: string;
  readonly state: string;
  readonly status?: string;
  readonly message?: string;
  readonly attempt?: number;
  readonly maxAttempts?: number;
  readonly reason?: string;
  readonly confirmed?: boolean;
  readonly late?: boolean;
  readonly lastReportAt?: string;
};

/** One line of a device's history. */
export type HistoryLine = {
  readonly seq: number;
  readonly at: string;
  readonly kind: string;
  readonly status?: string;
  readonly version?: string;
  readonly message?: string;
  readonly decision?: string;
  readonly count?: number;
  readonly attempt?: number;
  readonly from?: string;
  readonly to?: string;
  readonly reason?: string;
  readonly raw?: unknown;
};

/** A package as listed: valid or with its problems. */
export type Package = {
  readonly id: string;
  readonly valid: boolean;
  readonly state?: string;
  readonly inUse?: unknown;
  readonly problems?: readonly { readonly path: string; readonly message: string }[];
  readonly otau_info?: {
    readonly vendor?: unknown;
    readonly product?: unknown;
    readonly config_otau?: { readonly version?: unknown; readonly name?: unknown; readonly type?: unknown };
  } | null;
};

/** An item of the content area. */
export type ContentItem = {
  readonly id: string;
  readonly length?: number;
  readonly type?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly sha256?: string;
  readonly valid?: boolean;
  readonly problems?: readonly { readonly path: string; readonly message: string }[];
};

// The states are named again, and tested to be the vocabulary's: what that file needs at run time would make
// every command start several times slower.

/** States in which an update has ended. */
export const finalStates = [
  "succeeded",
  "failed",
  "timed_out",
  "aborted",
  "canceled",
  "superseded",
  "skipped",
] as const satisfies readonly FinalState[];

/** Final states in which a device did not get what was meant for it. */
export const unsuccessfulStates = [
  "failed",
  "timed_out",
  "aborted",
  "canceled",
  "superseded",
] as const satisfies readonly FinalState[];

/** Every state in the order of an update's life. */
export const stateOrder = [
  "waiting",
  "sent",
  "started",
  "testing",
  "downloading",
  "installing",
  "confirming",
  "retrying",
  ...finalStates,
] as const satisfies readonly UpdateState[];
