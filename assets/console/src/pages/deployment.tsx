import { get, productPath } from "../api/client.ts";
import type { Deployment, DeploymentDetail, Totals } from "../api/types.ts";
import { ErrorNote } from "../parts/error-note.tsx";
import { Fact } from "../parts/fact.tsx";
import { StateBadge } from "../parts/state-badge.tsx";
import { StateBar } from "../parts/state-bar.tsx";
import { Ago, Until } from "../parts/time.tsx";
import { useLive } from "../state/live.ts";
import { useResource } from "../state/resource.ts";
import { linkTo, route, setQuery } from "../state/route.ts";
import { DeploymentActions } from "./deployment-actions.tsx";
import { DeploymentChart } from "./deployment-chart.tsx";
import { DeploymentFailures } from "./deployment-failures.tsx";
import { DeploymentRollout } from "./deployment-rollout.tsx";
import { DeploymentSlowest } from "./deployment-slowest.tsx";
import { DeploymentUpdates } from "./deployment-updates.tsx";
import { toggled } from "./fleet-filter.ts";
import { useTurn } from "./use-turn.ts";

/** One package on its way: how far, what fails, and what can be done about it. */
export function DeploymentPage({ deploymentId }: { readonly deploymentId: string }) {
  const { productId, query } = route.value;
  const path = productPath(productId, "deployments", deploymentId);
  const found = useResource(path, (signal) => get<DeploymentDetail>(path, {}, signal), { pollMs: 5000 });
  const [turn, next] = useTurn();
  useLive({ deploymentId, types: "deployment.changed,deployment.totals" }, () => {
    found.refresh();
    next();
  });
  const states = (query.get("state") ?? "").split(",").filter(Boolean);
  const deployment = found.value.value;
  return (
    <>
      <p class="crumbs">
        <a href={linkTo("deployments")}>Deployments</a>
      </p>
      <div class="page-head">
        <h1>
          {deployment?.name ?? deploymentId} {deployment && <StateBadge state={deployment.state} />}
        </h1>
        {deployment && <DeploymentActions deployment={deployment} path={path} onActed={found.refresh} />}
      </div>
      <ErrorNote error={found.error.value} />
      {deployment && (
        <>
          <Facts deployment={deployment} />
          <section class="card" aria-labelledby="progress-title">
            <div class="row row-spread">
              <h2 id="progress-title">Progress</h2>
              <p class="muted progress-words">{progressOf(deployment.totals)}</p>
            </div>
            <StateBar
              counts={deployment.totals}
              total={deployment.totals.total}
              chosen={states}
              onPick={(state) => setQuery({ state: toggled(states, state), reason: "" })}
            />
            <DeploymentRollout deployment={deployment} />
            <DeploymentChart deploymentId={deploymentId} turn={turn} />
          </section>
          <DeploymentFailures failing={deployment.failing ?? []} />
          <DeploymentSlowest slowest={deployment.slowest ?? []} />
          <DeploymentUpdates path={path} states={states} reason={query.get("reason") ?? ""} turn={turn} />
        </>
      )}
    </>
  );
}

function Facts({ deployment }: { readonly deployment: Deployment }) {
  const { packageId, version, createdAt, createdBy, startAt, expiresAt, endedAt, source } = deployment;
  return (
    <dl class="facts">
      <Fact name="Version">
        <span class="mono">{version}</span>
      </Fact>
      <Fact name="Package">
        {packageId === undefined ? (
          "set on a device directly"
        ) : (
          <a href={linkTo("packages", packageId)}>{packageId}</a>
        )}
      </Fact>
      <Fact name="Applied">
        <Ago at={createdAt} /> by {createdBy}
        {source === "device2" && " through Device2"}
      </Fact>
      {startAt && (
        <Fact name="Starts">
          <Until at={startAt} />
        </Fact>
      )}
      {expiresAt && (
        <Fact name="Expires">
          <Until at={expiresAt} />
        </Fact>
      )}
      {endedAt && (
        <Fact name="Ended">
          <Ago at={endedAt} />
        </Fact>
      )}
    </dl>
  );
}

function progressOf(totals: Totals): string {
  const ended =
    totals.succeeded +
    totals.failed +
    totals.timed_out +
    totals.aborted +
    totals.canceled +
    totals.superseded +
    totals.skipped;
  return `${ended.toLocaleString("en")} of ${totals.total.toLocaleString("en")} have ended`;
}
