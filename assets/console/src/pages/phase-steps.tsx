import type { Update } from "../api/types.ts";

const phases = ["sent", "started", "testing", "downloading", "installing", "confirming"] as const;
const bad = ["failed", "timed_out", "aborted"];

/** How far an update came, phase by phase. */
export function PhaseSteps({ update: { state, phase } }: { readonly update: Update }) {
  const reached = phase === undefined ? -1 : phases.indexOf(phase);
  const isDone = state === "succeeded";
  return (
    <ol class="phases" aria-label="Phases">
      {phases.map((name, index) => {
        const isHere = index === reached && !isDone;
        const look = isHere
          ? bad.includes(state)
            ? "bad"
            : "here"
          : isDone || index < reached
            ? "done"
            : "todo";
        return (
          <li key={name} class={`phase phase-${look}`} aria-current={isHere ? "step" : undefined}>
            {name}
          </li>
        );
      })}
      <li class={`phase phase-${isDone ? "done" : "todo"}`}>{isDone ? "succeeded" : "done"}</li>
    </ol>
  );
}
