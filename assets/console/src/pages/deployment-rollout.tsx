import type { Deployment } from "../api/types.ts";
import { Fact } from "../parts/fact.tsx";
import { Ago } from "../parts/time.tsx";

/** The open wave, the gate and the limits, where there are any. */
export function DeploymentRollout({ deployment }: { readonly deployment: Deployment }) {
  const { wave, gate, rollout, state } = deployment;
  const { maxConcurrent, ratePerMinute } = rollout;
  const hasWaves = wave.of > 1;
  if (!hasWaves && !gate && maxConcurrent === null && ratePerMinute === null) return null;
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
      {maxConcurrent !== null && <Fact name="At a time">at most {maxConcurrent.toLocaleString("en")}</Fact>}
    </dl>
  );
}
