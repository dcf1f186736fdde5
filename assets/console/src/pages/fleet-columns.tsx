import type { Device } from "../api/types.ts";
import { StateBadge } from "../parts/state-badge.tsx";
import { Ago } from "../parts/time.tsx";
import type { Column } from "../parts/virtual-table.tsx";
import { linkTo } from "../state/route.ts";
import { UpdateWhat } from "./update-what.tsx";

/** The list of devices. */
export const deviceColumns: readonly Column<Device>[] = [
  {
    name: "Device",
    class: "col-name",
    cell: ({ identity, online }) => (
      <>
        <span
          class={`dot ${online ? "dot-on" : "dot-off"}`}
          role="img"
          aria-label={online ? "online" : "offline"}
          title={online ? "online" : "offline"}
        />
        <a href={linkTo("devices", identity)}>{identity}</a>
      </>
    ),
  },
  {
    name: "Installed",
    class: "col-version",
    cell: ({ installedVersion, drifted }) => (
      <>
        <span class="mono">{installedVersion ?? "–"}</span>
        {drifted && <span class="badge tone-warn">drifted</span>}
      </>
    ),
  },
  { name: "Update", class: "col-state", cell: ({ updateState }) => <StateBadge state={updateState} /> },
  {
    name: "What",
    class: "col-what",
    cell: ({ update }) => (update ? <UpdateWhat update={update} hasVersion /> : <span class="muted">–</span>),
  },
  {
    name: "Tags",
    class: "col-tags",
    cell: ({ tags }) =>
      Object.entries(tags).map(([name, value]) => (
        <span key={name} class="tag">
          {name}={value}
        </span>
      )),
  },
  { name: "Heard from", class: "col-seen", cell: ({ lastSeenAt }) => <Ago at={lastSeenAt} /> },
];
