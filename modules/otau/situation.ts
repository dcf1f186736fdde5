import type { Deployment, Device, Facts, Ms, Report, Update } from "./model.ts";
import type { Reason } from "./vocabulary.ts";
import type { Entry } from "./written.ts";

/** A report that could be read, with the stamp by which it counts. */
export type Heard = Extract<Report, { ok: true }> & {
  readonly stampedAt: Ms;
  readonly stampSupplied: boolean;
  readonly clockWrong?: true;
};

/** All that a condition of the table may look at: one update of a device, and what happens to it. */
export type Situation = {
  readonly device: Device;
  readonly update: Update;
  readonly deployment: Deployment;
  /** Every visible update of the device, oldest deployment first. */
  readonly entries: readonly Entry[];
  readonly facts: Facts;
  /** For a report. */
  readonly heard?: Heard;
  /** What the attempt or update would end for, where the row says "given". */
  readonly reason?: Reason;
  /** Deployment whose update takes this one's place. */
  readonly replacedBy?: string;
};
