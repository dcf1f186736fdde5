import { productPath, type Query } from "../api/client.ts";
import type { Deployment } from "../api/types.ts";
import { ErrorNote } from "../parts/error-note.tsx";
import { StateBadge } from "../parts/state-badge.tsx";
import { StateTrack } from "../parts/state-bar.tsx";
import { Ago } from "../parts/time.tsx";
import { useLive, useThrottled } from "../state/live.ts";
import { usePagedList } from "../state/paged-list.ts";
import { linkTo, route } from "../state/route.ts";

type Props = { readonly query: Query; readonly none: preact.ComponentChildren };

/** Deployments, newest first, live. */
export function DeploymentList({ query, none }: Props) {
  const { productId } = route.value;
  const list = usePagedList<Deployment>(productPath(productId, "deployments"), query, ({ id }) => id, 50);
  useLive(
    { types: "deployment.changed,deployment.totals" },
    useThrottled(() => list.refresh(), 700),
  );
  return (
    <>
      <ErrorNote error={list.error} />
      {list.isLoaded &&
        list.items.length === 0 &&
        (typeof none === "string" ? <p class="muted">{none}</p> : none)}
      {list.items.length > 0 && (
        <div class="table-scroll">
          <table class="table">
            <thead>
              <tr>
                <th>Deployment</th>
                <th>State</th>
                <th class="grow">Devices</th>
                <th class="wide">By</th>
                <th class="wide">When</th>
              </tr>
            </thead>
            <tbody>
              {list.items.map((deployment) => (
                <Row key={deployment.id} deployment={deployment} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {list.isLoaded && !list.isComplete && (
        <button type="button" onClick={list.loadMore}>
          More
        </button>
      )}
    </>
  );
}

function Row({ deployment }: { readonly deployment: Deployment }) {
  const { id, name, version, state, totals, createdBy, createdAt } = deployment;
  const bad = totals.failed + totals.timed_out + totals.aborted;
  return (
    <tr>
      <td>
        <a href={linkTo("deployments", id)}>{name || version}</a>
        <div class="muted sub mono">{version}</div>
      </td>
      <td>
        <StateBadge state={state} />
      </td>
      <td class="grow">
        <StateTrack counts={totals} />
        <div class="muted sub">
          {totals.succeeded.toLocaleString("en")} of {totals.total.toLocaleString("en")} succeeded
          {bad > 0 && `, ${bad.toLocaleString("en")} failed`}
        </div>
      </td>
      <td class="wide">{createdBy}</td>
      <td class="wide">
        <Ago at={createdAt} />
      </td>
    </tr>
  );
}
