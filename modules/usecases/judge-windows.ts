import type { Ms, Outage } from "../otau/model.ts";
import {
  type Calendar,
  defaultTimeZone,
  timeZoneTag,
  type WindowState,
  windowState,
} from "../otau/rollout-windows.ts";
import type { DeploymentRecord } from "./ports.ts";

export type JudgeWindowsDeps = {
  readonly calendar: Calendar;
  readonly outages: () => Promise<readonly Outage[]>;
};

/** The state of a deployment's windows at one time; for a device with these tags, or for one without any. */
export type WindowsNow = {
  /** Every device sees the same. */
  readonly isCommon: boolean;
  readonly stateFor: (tags: Readonly<Record<string, string>>) => WindowState;
};

/** Says when a deployment may write; undefined = always, as it has no windows. */
export function makeJudgeWindows({ calendar, outages }: JudgeWindowsDeps) {
  return async function judgeWindows(
    record: Pick<DeploymentRecord, "windows" | "startAt" | "createdAt">,
    now: Ms,
  ): Promise<WindowsNow | undefined> {
    const { windows, createdAt, startAt = createdAt } = record;
    if (windows === undefined) return undefined;
    const known = await outages();
    const states = new Map<string, WindowState>();
    return {
      isCommon: windows.every((window) => window.timeZone !== undefined),
      stateFor: (tags) => {
        const named = tags[timeZoneTag];
        const timeZone = named !== undefined && calendar.hasZone(named) ? named : defaultTimeZone;
        const state =
          states.get(timeZone) ??
          windowState(calendar, { windows, timeZone, now, since: startAt, outages: known });
        states.set(timeZone, state);
        return state;
      },
    };
  };
}

export type JudgeWindows = ReturnType<typeof makeJudgeWindows>;
