import { useRef } from "preact/hooks";
import { get, productPath } from "../api/client.ts";
import type { Device, Summary } from "../api/types.ts";
import { Empty } from "../parts/empty.tsx";
import { ErrorNote } from "../parts/error-note.tsx";
import { VirtualTable } from "../parts/virtual-table.tsx";
import { useLive, useThrottled } from "../state/live.ts";
import { usePagedList } from "../state/paged-list.ts";
import { useResource } from "../state/resource.ts";
import { linkTo, route } from "../state/route.ts";
import { deviceColumns } from "./fleet-columns.tsx";
import { readFleetFilter } from "./fleet-filter.ts";
import { FleetFilters } from "./fleet-filters.tsx";
import { FleetSummary } from "./fleet-summary.tsx";

const firstStep = "npx otau simulate --devices 40 --profile mixed";

/** All devices at a glance, by state and version, and the list of those that are asked for. */
export function FleetPage() {
  const { productId, query } = route.value;
  const summary = useResource(
    productId,
    (signal) => get<Summary>(productPath(productId, "summary"), {}, signal),
    { pollMs: 5000 },
  );
  const filter = readFleetFilter(query);
  const list = usePagedList<Device>(
    productPath(productId, "devices"),
    filter.query,
    ({ identity }) => identity,
  );
  const view = useRef({ first: 0, last: 0 });
  const refreshList = useThrottled(() => list.refresh(view.current.first, view.current.last), 1000);
  const refresh = () => {
    summary.refresh();
    refreshList();
  };
  // Totals come at most once a second for each deployment, however large the fleet.
  useLive(
    { types: "deployment.totals,deployment.changed,device.changed,device.connected,device.disconnected" },
    refresh,
  );

  const counts = summary.value.value;
  if (counts?.total === 0) return <EmptyFleet />;
  return (
    <>
      <div class="page-head">
        <h1>Fleet</h1>
        <a class="button primary" href={linkTo("apply")}>
          Apply a package
        </a>
      </div>
      <ErrorNote error={summary.error.value} />
      {counts !== undefined && <FleetSummary counts={counts} filter={filter} />}
      <FleetFilters filter={filter} />
      <ErrorNote error={list.error} />
      {list.isLoaded && list.items.length === 0 ? (
        <Empty title="No device is like that">
          <p>
            <a href={linkTo("fleet")}>Show all devices</a>
          </p>
        </Empty>
      ) : (
        <VirtualTable
          label="Devices"
          class="devices"
          columns={deviceColumns}
          items={list.items}
          keyOf={({ identity }) => identity}
          total={filter.isEmpty ? (counts?.total ?? -1) : list.isComplete ? list.items.length : -1}
          onEnd={list.loadMore}
          onView={(first, last) => {
            view.current = { first, last };
          }}
        />
      )}
    </>
  );
}

function EmptyFleet() {
  return (
    <>
      <h1>Fleet</h1>
      <Empty title="No devices yet" command={firstStep}>
        <p>
          Register your own with <code>POST …/devices</code> (<a href="./docs">API</a>), let them activate
          themselves, or try it with simulated ones. Where the server was started, type:
        </p>
      </Empty>
    </>
  );
}
