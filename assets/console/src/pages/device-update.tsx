import { post } from "../api/client.ts";
import type { Update } from "../api/types.ts";
import { ActButton } from "../parts/act-button.tsx";
import { Fact } from "../parts/fact.tsx";
import { StateBadge } from "../parts/state-badge.tsx";
import { Ago, Until } from "../parts/time.tsx";
import { linkTo } from "../state/route.ts";
import { PhaseSteps } from "./phase-steps.tsx";

type Props = { readonly update: Update; readonly path: string; readonly onActed: () => void };

const retriable = ["failed", "timed_out", "aborted", "canceled"];
const final = [...retriable, "succeeded", "superseded", "skipped"];

/** The live update, else the newest: how far it is, what runs out when, and what can be done. */
export function DeviceUpdate({ update, path, onActed }: Props) {
  const { id, state, version, packageId, deploymentId } = update;
  const act = (verb: string) => async () => {
    await post(`${path}/${verb}`, { updateId: id });
    onActed();
  };
  return (
    <section class="card" aria-labelledby="update-title">
      <div class="row row-spread">
        <h2 id="update-title">
          Update to <span class="mono">{version}</span> <StateBadge state={state} />
        </h2>
        <div class="row">
          {!final.includes(state) && (
            <ActButton label="Cancel" isDanger effect={cancelEffect(update)} act={act("cancel")} />
          )}
          {retriable.includes(state) && (
            <ActButton
              label="Retry"
              effect={`${version} is written to this device again, with fresh attempts, as soon as its deployment allows.`}
              act={act("retry")}
            />
          )}
        </div>
      </div>
      <PhaseSteps update={update} />
      <dl class="facts">
        {update.status && (
          <Fact name="Last report">
            <span class="mono">{update.status}</span> {update.message && <q>{update.message}</q>}{" "}
            <Ago at={update.lastReportAt} />
          </Fact>
        )}
        {update.reason && (
          <Fact name="Reason">
            <span class="reason">{update.reason}</span>
          </Fact>
        )}
        <Fact name="Attempt">
          {update.attempt === 0 ? "not written yet" : `${update.attempt} of ${update.maxAttempts}`}
        </Fact>
        <Deadlines update={update} />
        <Fact name="Package">
          {packageId === "" ? (
            "set on the device directly"
          ) : (
            <a href={linkTo("packages", packageId)}>{packageId}</a>
          )}
        </Fact>
        <Fact name="Deployment">
          <a href={linkTo("deployments", deploymentId)}>{deploymentId}</a>
        </Fact>
      </dl>
    </section>
  );
}

function Deadlines({ update }: { readonly update: Update }) {
  const { deadlineAt, retryAt, totalDeadlineAt, deliveredAt, sentAt, endedAt } = update;
  return (
    <>
      {retryAt && (
        <Fact name="Next attempt">
          <Until at={retryAt} />
        </Fact>
      )}
      {deadlineAt && !endedAt && (
        <Fact name="Deadline">
          <Until at={deadlineAt} />
        </Fact>
      )}
      {totalDeadlineAt && !endedAt && (
        <Fact name="In all">
          <Until at={totalDeadlineAt} />
        </Fact>
      )}
      {sentAt && (
        <Fact name="Delivered">
          <Ago at={deliveredAt} none="not yet" />
        </Fact>
      )}
      {endedAt && (
        <Fact name="Ended">
          <Ago at={endedAt} />
        </Fact>
      )}
    </>
  );
}

const cancelEffect = ({ version, deliveredAt }: Update): string =>
  deliveredAt === undefined
    ? `${version} is not written to this device any more. It has not seen it yet.`
    : `${version} is not written again, but the device already has it and may finish; what it still says is noted as late.`;
