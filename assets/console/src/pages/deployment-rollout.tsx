import type { DeploymentDetail } from "../api/types.ts";
import { Fact } from "../parts/fact.tsx";
import { Ago, Until } from "../parts/time.tsx";

/** The open wave, the gate and the limits, where there are any. */
export function DeploymentRollout({ deployment }: { readonly deployment: DeploymentDetail }) {
  const { wave, gate, rollout, state, forecast } = deployment;
  const { maxConcurrent, ratePerMinute } = rollout;
  const hasWaves = wave.of > 1;
  const hasLimits = maxConcurrent !== null || ratePerMinute !== null || rollout.windows.length > 0;
  if (!hasWaves && !gate && !hasLimits && !forecast?.finishAt) return null;
  return (
    <dl class="facts rollout">
      {hasWaves && (
        <Fact name="Wave">
          {wave.number} of {wave.of}: {wave.size.toLocaleString("en")} devices ({wave.percent}%)
          {wave.finals !== undefined && `, ${wave.finals.toLocaleString("en")} ended`}
          {wave.wantsApprovalSince && (
            <span class="badge tone-warn">
              waits for approval since <Ago at={wave.wantsApprovalSince} />
            </span>
          )}
        </Fact>
      )}
      {gate && (
        <Fact name={state === "halted" ? "Gate, tripped" : "Gate"}>
          <span class={state === "halted" ? "badge tone-bad" : ""}>
            {gate.failed} of {gate.counted} failed ({Math.round(gate.percent)}%)
          </span>
          {rollout.gate &&
            `, stops at ${rollout.gate.maxFailedPercent}% of ${rollout.gate.minFinished} or more`}
        </Fact>
      )}
      {ratePerMinute !== null && (
        <Fact name="Rate">at most {ratePerMinute.toLocaleString("en")} a minute</Fact>
      )}
      {forecast?.finishAt && (
        <Fact name="Done, at this pace">
          <Until at={forecast.finishAt} />
        </Fact>
      )}
      {rollout.windows.length > 0 && (
        <Fact name="Windows">
          {rollout.windows.map(({ rrule, timeZone }) => `${rrule} ${timeZone ?? ""}`).join("; ")}
        </Fact>
      )}
      {maxConcurrent !== null && <Fact name="At a time">at most {maxConcurrent.toLocaleString("en")}</Fact>}
    </dl>
  );
}
