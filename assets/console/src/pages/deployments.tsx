import { Empty } from "../parts/empty.tsx";
import { linkTo, route, setQuery } from "../state/route.ts";
import { DeploymentList } from "./deployment-list.tsx";

const states = ["scheduled", "running", "paused", "halted", "finished", "canceled"];

/** All deployments, newest first. */
export function DeploymentsPage() {
  const state = route.value.query.get("state") ?? "";
  return (
    <>
      <div class="page-head">
        <h1>Deployments</h1>
        <a class="button primary" href={linkTo("apply")}>
          Apply a package
        </a>
      </div>
      <search class="filters">
        <label>
          State
          <select value={state} onChange={(event) => setQuery({ state: event.currentTarget.value })}>
            <option value="">any</option>
            {states.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      </search>
      <DeploymentList query={{ state }} none={<NoDeployments isFiltered={state !== ""} />} />
    </>
  );
}

function NoDeployments({ isFiltered }: { readonly isFiltered: boolean }) {
  if (isFiltered) return <Empty title="No deployment is in this state" />;
  return (
    <Empty title="No deployments yet" command="npx otau apply package_acme_iotgw1_1-0-1.json --all">
      <p>
        A deployment is one package on its way to devices. <a href={linkTo("apply")}>Apply a package</a>, or
        type:
      </p>
    </Empty>
  );
}
