import { get } from "../api/client.ts";
import type { DeviceState } from "../api/types.ts";
import { Ago } from "../parts/time.tsx";
import { useResource } from "../state/resource.ts";
import { useTurned } from "../state/use-turned.ts";

/** What stands in the device's resources: what we set, and what it reported. */
export function DeviceResources({ path, turn }: { readonly path: string; readonly turn: number }) {
  const { value, refresh } = useResource(`${path}/state`, (signal) =>
    get<DeviceState>(`${path}/state`, {}, signal),
  );
  useTurned(turn, refresh);
  const resources = Object.entries(value.value ?? {});
  return (
    <section class="card" aria-labelledby="resources-title">
      <h2 id="resources-title">Resources</h2>
      {resources.length === 0 && <p class="muted">Nothing was set or reported yet.</p>}
      {resources.map(([name, { timestamp, set, reported }]) => (
        <div key={name} class="resource">
          <h3 class="mono">
            {name} <Ago at={new Date(timestamp / 1000).toISOString()} />
          </h3>
          <div class="columns">
            <Value name="set" value={set} />
            <Value name="reported" value={reported} />
          </div>
        </div>
      ))}
    </section>
  );
}

function Value({ name, value }: { readonly name: string; readonly value: unknown }) {
  return (
    <figure>
      <figcaption>{name}</figcaption>
      {value === undefined ? (
        <p class="muted">nothing</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
        <pre tabIndex={0}>{typeof value === "string" ? value : JSON.stringify(value)}</pre>
      )}
    </figure>
  );
}
