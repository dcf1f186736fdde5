import { z } from "zod";

/** The ten statuses that mean progress, in the order of their rank (the first has rank 1). */
export const progressStatuses = [
  "INIT",
  "TEST",
  "TEST_STEP",
  "TEST_SUCCESS",
  "DOWNLOAD",
  "DOWNLOAD_STEP",
  "DOWNLOAD_SUCCESS",
  "INSTALL",
  "INSTALL_STEP",
  "INSTALL_SUCCESS",
] as const;

/** Statuses that end an attempt as an error of the device. */
export const errorStatuses = ["TEST_ERROR", "DOWNLOAD_ERROR", "INSTALL_ERROR"] as const;

/** Everything a device may say in `otau_in.status` (schema "OTA update", industrial_iot_schema). */
export const statuses = [
  ...progressStatuses,
  ...errorStatuses,
  "INSTALL_ABORTED",
  "INSTALLED_VERSION",
] as const;
export const statusSchema = z.enum(statuses);
export type Status = (typeof statuses)[number];
export type ProgressStatus = (typeof progressStatuses)[number];

/** Rank of a status within an attempt: 1 (INIT) to 10 (INSTALL_SUCCESS); 0 for a status without rank. */
export function rankOf(status: Status): number {
  return progressStatuses.indexOf(status as ProgressStatus) + 1;
}

/** The phases an attempt can be in: the last of them reached is kept as `phase`. */
export const phases = ["sent", "started", "testing", "downloading", "installing", "confirming"] as const;
export type Phase = (typeof phases)[number];

/** States in which a device has this update under way; a device has at most one such update. */
export const liveStates = [...phases, "retrying"] as const;
export type LiveState = (typeof liveStates)[number];

/** States that end an update; only a correction or an operator's retry leads out of them. */
export const finalStates = [
  "succeeded",
  "failed",
  "timed_out",
  "aborted",
  "canceled",
  "superseded",
  "skipped",
] as const;
export type FinalState = (typeof finalStates)[number];

/** Every state of an update, in the order in which `totals` lists them. */
export const updateStates = ["waiting", ...liveStates, ...finalStates] as const;
export const updateStateSchema = z.enum(updateStates);
export type UpdateState = (typeof updateStates)[number];

export function isLiveState(state: UpdateState): state is LiveState {
  return (liveStates as readonly string[]).includes(state);
}
/** Live with an attempt under way: all but `retrying`. */
export function isPhase(state: UpdateState): state is Phase {
  return (phases as readonly string[]).includes(state);
}
export function isFinalState(state: UpdateState): state is FinalState {
  return (finalStates as readonly string[]).includes(state);
}

/** What was made of a report; every report gets exactly one. */
export const decisions = ["applied", "repeat", "late", "restart", "stale", "unmatched", "rejected"] as const;
export const decisionSchema = z.enum(decisions);
export type Decision = (typeof decisions)[number];

/** The five phase time-outs of an attempt and the one over all attempts, named as their settings are. */
export const timeoutNames = [
  "acknowledgeMs",
  "testMs",
  "downloadMs",
  "installMs",
  "confirmMs",
  "totalMs",
] as const;
export type TimeoutName = (typeof timeoutNames)[number];
export type PhaseTimeoutName = Exclude<TimeoutName, "totalMs">;

/** Reasons of a time-out, named after the deadline that ran out. */
export const timeoutReasons = {
  acknowledgeMs: "ACKNOWLEDGE_TIMEOUT",
  testMs: "TEST_TIMEOUT",
  downloadMs: "DOWNLOAD_TIMEOUT",
  installMs: "INSTALL_TIMEOUT",
  confirmMs: "CONFIRM_TIMEOUT",
  totalMs: "TOTAL_TIMEOUT",
} as const satisfies Record<TimeoutName, string>;

/** The closed list of reasons an update's state may carry. */
export const reasons = [
  "ACKNOWLEDGE_TIMEOUT",
  "TEST_TIMEOUT",
  "DOWNLOAD_TIMEOUT",
  "INSTALL_TIMEOUT",
  "CONFIRM_TIMEOUT",
  "TOTAL_TIMEOUT",
  "TEST_ERROR",
  "DOWNLOAD_ERROR",
  "INSTALL_ERROR",
  "INSTALL_ABORTED",
  "FELL_BACK",
  "RESTART_LOOP",
  "DEVICE_UNKNOWN",
  "VERSION_REPORTED",
  "VERSION_ONLY",
  "WITHDRAWN",
  "EXPIRED",
  "CANCELED",
  "DEVICE_DELETED",
  "GATE",
  "SUPERSEDED",
  "ALREADY_INSTALLED",
  "ALREADY_UPDATING",
  "UPDATE_IN_PROGRESS",
  "DOWNGRADE",
] as const;
export const reasonSchema = z.enum(reasons);
export type Reason = (typeof reasons)[number];

/** Ends of an attempt that a retry policy may name in `on`. */
export const retriableReasons = [
  "TEST_ERROR",
  "DOWNLOAD_ERROR",
  "INSTALL_ERROR",
  "FELL_BACK",
  "ACKNOWLEDGE_TIMEOUT",
  "TEST_TIMEOUT",
  "DOWNLOAD_TIMEOUT",
  "INSTALL_TIMEOUT",
  "CONFIRM_TIMEOUT",
] as const;
export type RetriableReason = (typeof retriableReasons)[number];

/** Where a deployment stands. */
export const deploymentStates = ["scheduled", "running", "paused", "halted", "finished", "canceled"] as const;
export const deploymentStateSchema = z.enum(deploymentStates);
export type DeploymentState = (typeof deploymentStates)[number];

/** How a new apply treats another live update of the device. */
export const onActiveModes = ["supersede", "queue", "reject"] as const;
export type OnActive = (typeof onActiveModes)[number];

/** Whether success needs the device to report the installed version. */
export const confirmModes = ["required", "optional"] as const;
export type ConfirmMode = (typeof confirmModes)[number];

/** Who caused a line: a device, a caller's token, a timer of ours, a script, or the system itself. */
export const actorKinds = ["device", "token", "timer", "script", "system"] as const;
export type ActorKind = (typeof actorKinds)[number];
export type Actor = { readonly kind: ActorKind; readonly id: string };

/** The kinds of history lines. */
export const historyKinds = ["report", "write", "deadline", "operator", "system"] as const;
export type HistoryKind = (typeof historyKinds)[number];
