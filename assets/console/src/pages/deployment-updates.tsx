import { useRef } from "preact/hooks";
import type { Update } from "../api/types.ts";
import { Empty } from "../parts/empty.tsx";
import { ErrorNote } from "../parts/error-note.tsx";
import { StateBadge } from "../parts/state-badge.tsx";
import { Ago } from "../parts/time.tsx";
import { type Column, VirtualTable } from "../parts/virtual-table.tsx";
import { usePagedList } from "../state/paged-list.ts";
import { linkTo, setQuery } from "../state/route.ts";
import { useTurned } from "../state/use-turned.ts";
import { UpdateWhat } from "./update-what.tsx";

type Props = {
  readonly path: string;
  readonly states: readonly string[];
  readonly reason: string;
  readonly turn: number;
};

const columns: readonly Column<Update>[] = [
  {
    name: "Device",
    class: "col-name",
    cell: ({ identity }) => <a href={linkTo("devices", identity)}>{identity}</a>,
  },
  { name: "State", class: "col-state", cell: ({ state }) => <StateBadge state={state} /> },
  { name: "What", class: "col-what", cell: (update) => <UpdateWhat update={update} /> },
  {
    name: "Last report",
    class: "col-seen",
    cell: ({ lastReportAt }) => <Ago at={lastReportAt} none="none" />,
  },
];

/** The deployment's updates, device by device. */
export function DeploymentUpdates({ path, states, reason, turn }: Props) {
  const query = { state: states, reason };
  const list = usePagedList<Update>(`${path}/updates`, query, ({ id }) => id);
  const view = useRef({ first: 0, last: 0 });
  useTurned(turn, () => list.refresh(view.current.first, view.current.last));
  const isFiltered = states.length > 0 || reason !== "";
  return (
    <section aria-labelledby="updates-title" class="stack">
      <div class="row row-spread">
        <h2 id="updates-title">Devices {reason !== "" && <span class="reason">{reason}</span>}</h2>
        {isFiltered && (
          <button type="button" onClick={() => setQuery({ state: "", reason: "" })}>
            Show all
          </button>
        )}
      </div>
      <ErrorNote error={list.error} />
      {list.isLoaded && list.items.length === 0 ? (
        <Empty title="No device is like that" />
      ) : (
        <VirtualTable
          label="Updates"
          class="updates"
          columns={columns}
          items={list.items}
          keyOf={({ id }) => id}
          total={list.isComplete ? list.items.length : -1}
          onEnd={list.loadMore}
          onView={(first, last) => {
            view.current = { first, last };
          }}
        />
      )}
    </section>
  );
}
