import { setQuery } from "../state/route.ts";
import type { FleetFilter } from "./fleet-filter.ts";

/** What is typed to narrow the list; the figures above do the rest. */
export function FleetFilters({ filter }: { readonly filter: FleetFilter }) {
  return (
    <search class="filters">
      <label>
        Identity begins with
        <input
          type="search"
          value={filter.q}
          placeholder="gw-"
          autocomplete="off"
          onInput={(event) => setQuery({ q: event.currentTarget.value })}
        />
      </label>
      <label>
        Tag
        <input
          value={filter.tag}
          placeholder="site=berlin"
          autocomplete="off"
          onInput={(event) => setQuery({ tag: event.currentTarget.value })}
        />
      </label>
      <label>
        Connection
        <select value={filter.online} onChange={(event) => setQuery({ online: event.currentTarget.value })}>
          <option value="">any</option>
          <option value="true">online</option>
          <option value="false">offline</option>
        </select>
      </label>
      {!filter.isEmpty && (
        <button
          type="button"
          onClick={() =>
            setQuery({ state: "", version: "", drifted: "", online: "", silent: "", tag: "", q: "" })
          }
        >
          Clear filters
        </button>
      )}
    </search>
  );
}
