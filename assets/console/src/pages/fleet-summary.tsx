import type { Summary } from "../api/types.ts";
import { StateBar, shareOf } from "../parts/state-bar.tsx";
import { setQuery } from "../state/route.ts";
import { type FleetFilter, toggled } from "./fleet-filter.ts";

type Props = { readonly counts: Summary; readonly filter: FleetFilter };

/** The fleet in figures; each one narrows the list below to what it counts. */
export function FleetSummary({ counts, filter }: Props) {
  const silent = counts.seen.earlier + counts.seen.never;
  return (
    <section class="summary" aria-label="Summary">
      <div class="tiles">
        <Tile
          name="devices"
          count={counts.total}
          isChosen={filter.isEmpty}
          pick={() =>
            setQuery({ state: "", version: "", drifted: "", online: "", silent: "", tag: "", q: "" })
          }
        />
        <Tile
          name="online"
          count={counts.online}
          isChosen={filter.online === "true"}
          pick={() => setQuery({ online: filter.online === "true" ? "" : "true" })}
        />
        <Tile
          name="drifted"
          tone={counts.drifted > 0 ? "warn" : "idle"}
          count={counts.drifted}
          title="They run another version than the one last confirmed"
          isChosen={filter.drifted}
          pick={() => setQuery({ drifted: filter.drifted ? "" : "true" })}
        />
        <Tile
          name="silent"
          tone={silent > 0 ? "warn" : "idle"}
          count={silent}
          title="Not heard from for a day, or never"
          isChosen={filter.isSilent}
          pick={() => setQuery({ silent: filter.isSilent ? "" : "true" })}
        />
      </div>
      <div class="summary-part">
        <h2>By state of the update</h2>
        <StateBar
          counts={counts.byUpdateState}
          total={counts.total}
          chosen={filter.state}
          onPick={(state) => setQuery({ state: toggled(filter.state, state) })}
        />
      </div>
      <Versions counts={counts} filter={filter} />
    </section>
  );
}

type TileProps = {
  readonly name: string;
  readonly count: number;
  readonly isChosen: boolean;
  readonly pick: () => void;
  readonly title?: string;
  readonly tone?: "warn" | "idle";
};

function Tile({ name, count, isChosen, pick, title, tone = "idle" }: TileProps) {
  return (
    <button type="button" class={`tile tone-${tone}`} aria-pressed={isChosen} onClick={pick} title={title}>
      <strong>{count.toLocaleString("en")}</strong>
      <span>{name}</span>
    </button>
  );
}

const versionsMax = 8;

function Versions({ counts, filter }: Props) {
  const sorted = [...counts.byInstalledVersion].sort((a, b) => b.count - a.count);
  const rest = sorted.slice(versionsMax).reduce((sum, { count }) => sum + count, 0);
  return (
    <div class="summary-part">
      <h2>By installed version</h2>
      <ul class="bars">
        {sorted.slice(0, versionsMax).map(({ version, count }) => (
          <li key={version ?? ""}>
            <button
              type="button"
              class="bar"
              disabled={version === null}
              aria-pressed={version !== null && filter.version.includes(version)}
              onClick={() => version !== null && setQuery({ version: toggled(filter.version, version) })}
            >
              <span class="bar-name mono">{version ?? "not known"}</span>
              <span class="bar-track" aria-hidden="true">
                <span style={{ width: `${(count / Math.max(1, counts.total)) * 100}%` }} />
              </span>
              <span class="bar-count">
                {count.toLocaleString("en")} <span class="muted share">{shareOf(count, counts.total)}</span>
              </span>
            </button>
          </li>
        ))}
        {rest > 0 && <li class="muted">and {rest.toLocaleString("en")} on other versions</li>}
      </ul>
    </div>
  );
}
