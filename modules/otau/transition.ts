import type { GuardName } from "./guards.ts";
import type { Decision, PhaseTimeoutName, Reason, Status, UpdateState } from "./vocabulary.ts";

/** What can happen to one update, as the table names it. */
export type Trigger =
  | Exclude<Status, "INSTALLED_VERSION">
  /** INSTALLED_VERSION that names the update's version, or another one. */
  | "TARGET_INSTALLED"
  | "OTHER_INSTALLED"
  /** The update that was called off is the newest of a version that the device now reports as installed. */
  | "INSTALLED_ANYWAY"
  | "PHASE_DEADLINE"
  | "TOTAL_DEADLINE"
  | "RETRY_DUE"
  | "EXPIRY"
  | "SLOT_UNUSED"
  | "DELIVERED"
  | "RELEASE"
  /** Another deployment's first write takes the update's place. */
  | "REPLACED"
  | "CANCEL"
  | "DEVICE_UNKNOWN"
  | "DEVICE_DELETED"
  | "OPERATOR_RETRY";

/** What a row does beside moving the state; each name is a function of `effects.ts`. */
export type EffectName =
  | "write"
  | "hand over again"
  | "restart"
  | "note target"
  | "hold back"
  | "make ready"
  | "retry after the rest"
  | "deliver"
  | "give slot back"
  | "name the newer one"
  | "reopen"
  | "mark installed anyway";

/** One row of the table. Of the rows for a state and a trigger, the first whose conditions hold is taken. */
export type Transition = {
  readonly id: string;
  readonly from: readonly UpdateState[];
  readonly on: readonly Trigger[];
  /** All of them must hold. */
  readonly when?: readonly GuardName[];
  /** `same` = the state stays. */
  readonly to: UpdateState | "same";
  /** What is made of a report. */
  readonly decision?: Decision;
  /** `given` = the error's status, the deadline's or the act's own reason; absent = none. */
  readonly reason?: Reason | "given";
  /** Phase time-out that starts; `current` = the one that runs starts again, but for `sent`, where none does. */
  readonly deadline?: PhaseTimeoutName | "current";
  /** Of a success. */
  readonly confirmed?: boolean;
  /** A correction of a final state: listed with the update. */
  readonly correction?: true;
  readonly effects?: readonly EffectName[];
  /** Why an operator's act is refused; nothing changes. */
  readonly refused?: "NOTHING_TO_RETRY" | "PACKAGE_WITHDRAWN";
  readonly because: string;
};
