import { OtauError } from "../errors.ts";
import { type Calendar, defaultTimeZone, type Window } from "../otau/rollout-windows.ts";
import type { ApplyOptions } from "./apply-options.ts";
import type { DeploymentDraft } from "./ports.ts";

type Stages = Pick<DeploymentDraft, "advancePercent" | "approval" | "gate" | "windows">;

/** Gate and passage between waves; what is not wanted stays away. */
export function stagesOf(
  rollout: ApplyOptions["rollout"] = {},
  productApproval: "none" | "wave" | undefined,
): Stages {
  const { advancePercent, gate, windows } = rollout;
  const approval = rollout.approval ?? productApproval;
  return {
    ...(advancePercent === undefined ? {} : { advancePercent }),
    ...(approval === "wave" ? { approval } : {}),
    ...(gate ? { gate } : {}),
    ...(windows ? { windows: windows.map(plainWindow) } : {}),
  };
}

type WantedWindow = NonNullable<NonNullable<ApplyOptions["rollout"]>["windows"]>[number];

const plainWindow = ({ rrule, durationMs, timeZone }: WantedWindow): Window => ({
  rrule,
  durationMs,
  ...(timeZone === undefined ? {} : { timeZone }),
});

/** INVALID_INPUT for a window that cannot be read, names no zone or never opens. */
export function refuseWindows(calendar: Calendar, windows: readonly WantedWindow[], now: number): void {
  for (const [at, { rrule, timeZone, durationMs }] of windows.entries()) {
    const refuse = (field: string, message: string) => {
      const path = `/options/rollout/windows/${at}/${field}`;
      throw new OtauError("INVALID_INPUT", `Window ${at}: ${field} ${message}.`, {
        errors: [{ path, message }],
      });
    };
    const fault = calendar.faultOfRule(rrule);
    if (fault !== undefined) refuse("rrule", fault);
    if (timeZone !== undefined && !calendar.hasZone(timeZone))
      refuse("timeZone", `"${timeZone}" is no IANA time zone such as Europe/Berlin`);
    if (calendar.nextOpening(rrule, timeZone ?? defaultTimeZone, now - durationMs) === undefined)
      refuse("rrule", `"${rrule}" never opens from now on`);
  }
}
