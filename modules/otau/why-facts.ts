import type { Deployment, Device, Ms } from "./model.ts";
import type { Entry } from "./written.ts";

/**
 * Every answer to "why is this device not updating?" (contract 7). The first one in force is given. The first line
 * is about an update that waits for a write, the second about a live one, the third about a device with neither.
 *
 * Read with care where a device has both a live update and waiting ones: the order of the list decides, so what
 * holds a waiting one back is said before how the live one goes. An update between two attempts (`retrying`) waits
 * for a write as well: a withdrawn package, a halt and a pause hold it back at once, window, rate and slots when its
 * time has come. Rate and slots concern only what would be written otherwise, so they hold nothing that is queued.
 */
export const whyCodes = [
  ...(["WITHDRAWN", "HALTED", "PAUSED", "SCHEDULED", "APPROVAL", "WAVE", "WINDOW", "RATE", "SLOT"] as const),
  ...(["QUEUED", "RESTING"] as const),
  ...(["RETRY_AT", "VERSION_MISMATCH", "OFFLINE", "NOT_ACKNOWLEDGED", "SILENT", "IN_PROGRESS"] as const),
  ...(["FAILED", "TIMED_OUT", "ABORTED", "CANCELED", "EXPIRED", "SUPERSEDED", "DRIFTED"] as const),
  ...(["ALREADY_INSTALLED", "UP_TO_DATE", "NO_DEPLOYMENT"] as const),
] as const;
export type WhyCode = (typeof whyCodes)[number];

/** What a deployment's rollout stands in the way with; an absent field = it does not. */
export type RolloutFacts = {
  /** Since when the deployment is in its state. */
  readonly stateSince?: Ms;
  readonly startAt?: Ms;
  /** Of its package. */
  readonly withdrawn?: { readonly at: Ms; readonly reason: string };
  /** What its gate counted when it halted the deployment. */
  readonly gate?: {
    readonly counted: number;
    readonly failed: number;
    readonly percent: number;
    readonly maxFailedPercent?: number;
  };
  /** The device's own wave is still closed. Waves are numbered from 1. */
  readonly wave?: {
    readonly own: number;
    readonly open: number;
    readonly of: number;
    /** Final updates of the open wave, and how many it has. */
    readonly finals: number;
    readonly size: number;
    /** Share of the open wave that must be final before the next opens. */
    readonly advancePercent: number;
    /** The next wave could open, and waits for a person's approval since then. */
    readonly approvalSince?: Ms;
    /** Since when the present wave is open. */
    readonly openSince?: Ms;
  };
  /** No window of the deployment is open for the device now. `opensAt` absent = none will open again. */
  readonly window?: { readonly opensAt?: Ms; readonly closedAt?: Ms; readonly timeZone?: string };
  readonly rate?: { readonly perMinute: number; readonly nextAt: Ms };
  readonly slots?: { readonly held: number; readonly max: number };
};

/** All that an answer follows from. */
export type WhyFacts = {
  readonly now: Ms;
  /** With its past updates. */
  readonly device: Device;
  readonly deployments: ReadonlyMap<string, Deployment>;
  /** By deployment, of those whose update is not final. */
  readonly rollouts: ReadonlyMap<string, RolloutFacts>;
  readonly online: boolean;
  readonly lastSeenAt?: Ms;
  /** The product lets the device rest after failures. */
  readonly rest?: {
    readonly failures: number;
    readonly withinMs: Ms;
    readonly since: Ms;
    readonly until: Ms;
  };
  /** By deployment: since when its update is in its state, where history tells. */
  readonly stateSince: ReadonlyMap<string, Ms>;
  /** Since when the device names the version that it named last in a report; where history tells. */
  readonly namedSince?: Ms;
  /** The same of the installed version. */
  readonly installedSince?: Ms;
};

/** Times in `details` are ISO 8601. */
export type WhyDetails = Readonly<Record<string, unknown>>;
/** What a rule has to say; details of the update are added. */
export type WhyReply = {
  readonly text: string;
  readonly since: Ms;
  /** When it ends by itself. */
  readonly until?: Ms | undefined;
  readonly details?: WhyDetails;
};
export type WhyAnswer = {
  readonly code: WhyCode;
  readonly text: string;
  readonly since: Ms;
  readonly until?: Ms;
  readonly deploymentId?: string;
  readonly details: WhyDetails;
};

/** An update with everything about it. */
export type WhySubject = Entry & { readonly rollout: RolloutFacts; readonly facts: WhyFacts };
/** One reason, and what it says of an update that it holds for. */
export type WhyRule = {
  readonly code: WhyCode;
  readonly explain: (subject: WhySubject) => WhyReply | undefined;
};
