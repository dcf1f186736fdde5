import type { DowngradeGuard, RestRule, RetryPolicy, Timeouts } from "./policy.ts";
import type {
  Actor,
  ConfirmMode,
  Decision,
  DeploymentState,
  HistoryKind,
  OnActive,
  Phase,
  Reason,
  Status,
  TimeoutName,
  UpdateState,
} from "./vocabulary.ts";

/** Milliseconds since 1970, by the store's clock. */
export type Ms = number;

/** One correction of a final state (contract 4). */
export type Correction = {
  readonly at: Ms;
  readonly from: UpdateState;
  readonly to: UpdateState;
  readonly cause: Status;
};

/** The last report of an attempt: what makes the next one a repeat, and what an older stamp is measured by. */
export type LastReport = {
  readonly status: Status;
  readonly message?: string;
  /** The newest stamp of the attempt's reports by which they count: the supplied one, else the arrival. */
  readonly stampedAt: Ms;
};

/**
 * One update: what one deployment wants of one device, and where that stands. An absent field means "not so".
 * Everything `decide` needs is in here; the app API shows a part of it.
 */
export type Update = {
  readonly deploymentId: string;
  readonly state: UpdateState;
  /** Last of `sent` … `confirming` that was reached. */
  readonly phase?: Phase;
  /** Of the last `applied` or `restart` report. */
  readonly status?: Status;
  readonly message?: string;
  /** Writes of `config_otau` so far; 0 before the first. */
  readonly attempt: number;
  readonly maxAttempts: number;
  /** Attempts before the present series began: an operator's retry starts the back-off afresh. */
  readonly attemptBase: number;
  readonly reason?: Reason;
  /** Of `succeeded` alone: whether the device named the target as its installed version. */
  readonly confirmed?: boolean;
  readonly late?: true;
  readonly deviceMayFinish?: true;
  readonly installedAnyway?: true;
  /** Deployment whose update took this one's place (the update's id follows from it). */
  readonly supersededBy?: string;
  readonly corrections?: readonly Correction[];
  readonly createdAt: Ms;
  /** Write of the current attempt. */
  readonly sentAt?: Ms;
  /** Of the current attempt. */
  readonly deliveredAt?: Ms;
  readonly startedAt?: Ms;
  readonly lastReportAt?: Ms;
  /** The phase deadline that runs, and which setting it comes from; absent in `waiting`, `retrying` and final states. */
  readonly deadlineAt?: Ms;
  readonly deadlineOf?: Exclude<TimeoutName, "totalMs">;
  readonly retryAt?: Ms;
  readonly totalDeadlineAt?: Ms;
  readonly endedAt?: Ms;
  /** Rises by one with each change of this update. */
  readonly revision: number;

  // Inner facts, not shown.
  /** A value of this update was delivered in some attempt. */
  readonly everDelivered?: true;
  /** A value of this update had been delivered before the current attempt was written. */
  readonly deliveredBefore?: true;
  /** Highest rank reached in the current attempt; 0 = none. */
  readonly rank: number;
  /** INITs that sent the current attempt back to `started`. */
  readonly restarts: number;
  /** Last report of the current attempt, whatever its decision among `applied`, `repeat`, `late`, `restart`. */
  readonly lastReport?: LastReport;
  /** Stamp of the newest progress report of the current attempt. */
  readonly progressStampedAt?: Ms;
  /** Stamp of the attempt's INSTALL_SUCCESS. */
  readonly installSuccessAt?: Ms;
  /** The current attempt ended in an error or time-out (it is `retrying` or final because of it). */
  readonly attemptEndedBy?: "error" | "timeout";
  /** The device had the target as its installed version at the write, and has reported no other since. */
  readonly hadTarget?: true;
  /** INSTALLED_VERSION = target was heard after delivery while `hadTarget`: VERSION_ONLY at the deadline. */
  readonly heardTarget?: true;
  /** `installedVersion` at the last write. */
  readonly installedAtWrite?: string;
  /** Microsecond stamp of the value in `config_otau`; rises when the value is handed over again. */
  readonly timestampUs?: number;
  /** Last handing-over again after a boot report (at most once a minute). */
  readonly handedAgainAt?: Ms;
  /** Seq of the `write` line that counts how often the current attempt was handed over again. */
  readonly handedAgainSeq?: number;
  /** Report of another version while live: what `why` names as VERSION_MISMATCH. */
  readonly otherVersion?: string;
  /** It holds a slot of `maxConcurrent`. */
  readonly slot?: true;
  /** To be judged by the releaser: a `waiting` one not held back, a `retrying` one whose `retryAt` has come. */
  readonly ready?: true;
};

/** What stands in `config_otau.set`: the value of an update's deployment, or a text that makes no update. */
export type ConfigSet =
  | { readonly deploymentId: string; readonly timestampUs: number }
  | { readonly text: string; readonly timestampUs: number };

/** The newest `repeat` line, into which the next repeat of the same text is folded. */
export type FoldTarget = {
  readonly seq: number;
  readonly status: Status;
  readonly version: string;
  readonly message?: string;
  /** It gathers step reports above the rate limit, and is no `repeat` line. */
  readonly steps?: true;
};

/**
 * A device as the domain sees it: the aggregate that one commit replaces.
 * `updates` holds the live one, the newest written one and all waiting ones; older final ones (`past`) are
 * there only when they were asked for (`pastLoaded`).
 */
export type Device = {
  readonly productId: string;
  readonly identity: string;
  /** Distinguishes this device from an earlier one of the same identity; part of update ids. */
  readonly uid: string;
  readonly revision: number;
  readonly createdAt: Ms;
  readonly tags: Readonly<Record<string, string>>;
  readonly installedVersion?: string;
  /** Stamp of the last INSTALLED_VERSION taken (supplied or arrival). */
  readonly installedStampedAt?: Ms;
  /** Last confirmed version, the measure of drift; cleared by a success that is not confirmed. */
  readonly confirmedVersion?: string;
  readonly drifted: boolean;
  readonly updates: readonly Update[];
  readonly pastLoaded: boolean;
  readonly configSet?: ConfigSet;
  /** The last succeeded update's value, to which `config_otau.set` goes back. */
  readonly succeededSet?: { readonly deploymentId: string; readonly timestampUs: number };
  /** Highest history seq given out. */
  readonly historySeq: number;
  /** Highest seq of the product journal's events for this device. */
  readonly eventSeq: number;
  readonly fold?: FoldTarget;
  /** When its newest attempts failed, oldest first; kept only where the product lets devices rest. */
  readonly failedAt?: readonly Ms[];
  /** It failed too often: nothing is written to it before this time. */
  readonly restUntil?: Ms;
  /** Step reports counted in the second `second` (Ms / 1000, rounded down), for the device's rate limit. */
  readonly stepRate?: { readonly second: number; readonly count: number };
};

/** What a device's decision needs to know of a deployment; immutable but for the last block. */
export type Deployment = {
  readonly id: string;
  readonly productId: string;
  /** Rises with every accepted apply of the product: "newer" and "older" are measured by it. */
  readonly seq: number;
  readonly packageId: string;
  readonly version: string;
  /** `apply`, or `device2` where `config_otau` was set directly. */
  readonly source: "apply" | "device2";
  /** Exact text that is written. */
  readonly configText: string;
  readonly timeouts: Timeouts;
  readonly retry: RetryPolicy;
  readonly confirm: ConfirmMode;
  readonly force: boolean;
  readonly onActive: OnActive;
  /** Absent: a device with a newer version gets it all the same. */
  readonly downgrade?: DowngradeGuard;
  readonly createdAt: Ms;
  // What may change:
  readonly state: DeploymentState;
  /** The package is withdrawn now. */
  readonly withdrawn: boolean;
  readonly expiresAt?: Ms;
  readonly maxConcurrent?: number;
};

/** Limits of the product that `decide` obeys. */
export type Limits = {
  readonly outageGraceMs: number;
  readonly clockSkewMs: number;
  readonly reportsPerSecond: number;
  /** Absent: devices are not spared. */
  readonly rest?: RestRule;
};

/** A time in which deadlines could not be kept fairly; `to` absent = it goes on. */
export type Outage = { readonly from: Ms; readonly to?: Ms };

/** What a decision is made with beside device and event: all that is not in the device is passed in. */
export type Facts = {
  readonly now: Ms;
  /** In [0, 1); the jitter of a retry. */
  readonly random: number;
  /** Deployments of all updates of the device, by id. */
  readonly deployments: ReadonlyMap<string, Deployment>;
  readonly limits: Limits;
  readonly outages: readonly Outage[];
  /** Values reach the device by an outside platform's connector: no clock runs before a delivery. */
  readonly viaConnector?: true;
  readonly actor: Actor;
};

/** A report as it was read: well-formed, or why it was not. */
export type Report =
  | {
      readonly ok: true;
      readonly raw: string;
      readonly version: string;
      readonly status: Status;
      readonly message?: string;
      readonly cut?: true;
    }
  | { readonly ok: false; readonly raw: string; readonly why: string };

/** Everything that can happen to a device. */
export type DeviceEvent =
  | {
      readonly type: "report";
      readonly report: Report;
      /** Stamp by which it counts, and whether the device or platform supplied it. */
      readonly stampedAt: Ms;
      readonly stampSupplied: boolean;
      readonly clockWrong?: true;
    }
  /** A deployment takes the device in: its update is `waiting`. */
  | { readonly type: "enrol"; readonly deploymentId: string }
  /** Judges the deployment's waiting update, or writes its retry that has fallen due. */
  | { readonly type: "release"; readonly deploymentId: string }
  /** The value with this stamp is about to be handed to the device. */
  | { readonly type: "delivered"; readonly timestampUs: number }
  /** Time has come: all that is due by `facts.now` is judged. */
  | { readonly type: "tick" }
  /** Ends the deployment's update, if it is not final, or only in the named states. */
  | {
      readonly type: "cancel";
      readonly deploymentId: string;
      readonly reason: "CANCELED" | "WITHDRAWN" | "EXPIRED" | "GATE" | "DEVICE_UNKNOWN";
      readonly onlyIn?: readonly UpdateState[];
    }
  /** Operator's retry of the deployment's update, if it is in one of the named states. */
  | { readonly type: "retry"; readonly deploymentId: string; readonly states: readonly UpdateState[] }
  /** Waiting updates held behind this deployment's are judged again (it was paused or halted). */
  | { readonly type: "rejudge"; readonly deploymentId: string }
  /** `config_otau` was set to a text that makes no update. */
  | { readonly type: "setConfigText"; readonly text: string; readonly timestampUs: number }
  | { readonly type: "deviceDeleted" };

/** A history line before it is numbered and stored; absent = not so. */
export type HistoryLine = {
  readonly seq: number;
  readonly at: Ms;
  readonly stampedAt?: Ms;
  readonly kind: HistoryKind;
  readonly raw?: string;
  readonly status?: Status;
  readonly version?: string;
  readonly message?: string;
  readonly cut?: true;
  readonly clockWrong?: true;
  readonly decision?: Decision;
  /** Reports folded into this line. */
  readonly count?: number;
  readonly lastAt?: Ms;
  readonly deploymentId?: string;
  readonly attempt?: number;
  readonly from?: UpdateState;
  readonly to?: UpdateState;
  readonly reason?: Reason;
  readonly actor: Actor;
  /** Why a report was rejected, or what the line notes. */
  readonly note?: string;
};

/** A report folded into a line that is already there. */
export type HistoryFold = {
  readonly seq: number;
  readonly lastAt: Ms;
  readonly message?: string;
};

/** A line of the product journal that the commit's log carries; ids and positions are given later (contract 8). */
export type JournalEvent = {
  readonly at: Ms;
  readonly type:
    | "update.changed"
    | "update.corrected"
    | "report.decided"
    | "device.changed"
    | "device.connected"
    | "device.disconnected";
  readonly seq: number;
  readonly deploymentId?: string;
  readonly packageId?: string;
  readonly version?: string;
  readonly attempt?: number;
  readonly from?: UpdateState;
  /** Of a device `deleted`. */
  readonly to?: UpdateState | "deleted";
  readonly reason?: Reason;
  readonly decision?: Decision;
  readonly status?: Status;
  readonly message?: string;
  readonly actor: Actor;
  /** Of the device. */
  readonly revision: number;
};

/** What came of an event. `device` is the whole next state; equal by reference when nothing changed. */
export type Outcome = {
  readonly device: Device;
  /** For a report alone. */
  readonly decision?: Decision;
  /** The update that a report was found to concern, or that an act touched. */
  readonly deploymentId?: string;
  readonly lines: readonly HistoryLine[];
  readonly folds: readonly HistoryFold[];
  readonly events: readonly JournalEvent[];
  /** The event writes `config_otau`: it needs a place in the deployment's rate and slots first. */
  readonly writes?: true;
  /** A value waits for the device: gateways are told. */
  readonly notify?: true;
  /** Why an act was refused: nothing changed. */
  readonly refused?: "ALREADY_FINAL" | "NOTHING_TO_RETRY" | "PACKAGE_WITHDRAWN" | "NOT_FOUND";
};
