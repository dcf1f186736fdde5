import { post } from "../api/client.ts";
import type { Deployment } from "../api/types.ts";
import { ActButton } from "../parts/act-button.tsx";
import { announce } from "../parts/announcer.tsx";

type Props = { readonly deployment: Deployment; readonly path: string; readonly onActed: () => void };

/** Pause, resume, advance, cancel, retry: those that make sense now, each saying what it will do. */
export function DeploymentActions({ deployment, path, onActed }: Props) {
  const { state, totals, wave } = deployment;
  const act =
    (verb: string, body: unknown = {}) =>
    async () => {
      await post(`${path}/${verb}`, body);
      onActed();
    };
  const failed = totals.failed + totals.timed_out + totals.aborted;
  const open = openOf(totals);
  const isStopped = state === "paused" || state === "halted";
  const isOver = state === "finished" || state === "canceled";
  return (
    <div class="row">
      {failed > 0 && state !== "canceled" && (
        <ActButton
          label={`Retry ${failed.toLocaleString("en")} failed`}
          effect={`${devices(failed)} that failed, timed out or aborted get the package again, with fresh attempts.`}
          act={async () => {
            const body = { states: ["failed", "timed_out", "aborted"] };
            const { retried } = await post<{ readonly retried: number }>(`${path}/retry`, body);
            announce(`${retried} are tried again`);
            onActed();
          }}
        />
      )}
      {(state === "running" || isStopped) && wave.number < wave.of && (
        <ActButton
          label={`Open wave ${wave.number + 1}`}
          effect={`Wave ${wave.number + 1} of ${wave.of} begins now, without waiting for wave ${wave.number} to end.`}
          act={act("advance")}
        />
      )}
      {(state === "running" || state === "scheduled") && (
        <ActButton
          label="Pause"
          effect={`Nothing more is written: ${devices(totals.waiting)} stay waiting, retries too. Devices that already have it go on.`}
          act={act("pause")}
        />
      )}
      {isStopped && (
        <ActButton
          label="Resume"
          effect={
            state === "halted"
              ? `The failures so far are accepted and no longer counted; ${devices(totals.waiting)} that wait are written again.`
              : `${devices(totals.waiting)} that wait are written again, as its limits allow.`
          }
          act={act("resume")}
        />
      )}
      {!isOver && (
        <ActButton
          label="Cancel"
          isDanger
          effect={`${devices(open)} that have not ended are called off for good. Those that already have the package may still finish it.`}
          act={act("cancel")}
        />
      )}
    </div>
  );
}

const devices = (count: number): string =>
  count === 1 ? "1 device" : `${count.toLocaleString("en")} devices`;

const openOf = (totals: Deployment["totals"]): number =>
  totals.waiting +
  totals.sent +
  totals.started +
  totals.testing +
  totals.downloading +
  totals.installing +
  totals.confirming +
  totals.retrying;
