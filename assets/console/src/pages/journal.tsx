import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, productPath } from "../api/client.ts";
import type { Page, StreamEvent } from "../api/types.ts";
import { Empty } from "../parts/empty.tsx";
import { useLive } from "../state/live.ts";
import { route, setQuery } from "../state/route.ts";
import { toggled } from "./fleet-filter.ts";
import { JournalLine } from "./journal-line.tsx";

const types = [
  "update.changed",
  "update.corrected",
  "report.decided",
  "deployment.changed",
  "deployment.totals",
  "device.changed",
  "device.connected",
  "device.disconnected",
  "package.changed",
  "access.refused",
];

const linesMax = 400;
const seedLines = 100;

/** All that happens, as it happens, newest first. */
export function JournalPage() {
  const { productId, query } = route.value;
  const chosen = (query.get("types") ?? "").split(",").filter(Boolean);
  const [identity, deploymentId] = [query.get("identity") ?? "", query.get("deploymentId") ?? ""];
  const filter = { types: chosen.join(","), identity, deploymentId };
  const lines = useSignal<readonly StreamEvent[]>([]);
  const isLoaded = useSignal(false);
  const isPaused = useSignal(false);
  const key = JSON.stringify([productId, filter]);

  const seed = async (signal?: AbortSignal) => {
    const path = productPath(productId, "audit");
    const page = await get<Page<StreamEvent>>(path, { ...filter, order: "desc", limit: seedLines }, signal);
    lines.value = merged(page.items, lines.value);
    isLoaded.value = true;
  };
  // The key is what is asked for.
  useEffect(() => {
    const stop = new AbortController();
    lines.value = [];
    isLoaded.value = false;
    void seed(stop.signal).catch(() => undefined);
    return () => stop.abort();
  }, [key]);
  useLive(filter, (event) => {
    if (isPaused.value) return;
    if (event === undefined) void seed().catch(() => undefined);
    else lines.value = merged([event], lines.value);
  });

  return (
    <>
      <div class="page-head">
        <h1>Journal</h1>
        <button
          type="button"
          aria-pressed={isPaused.value}
          onClick={() => {
            isPaused.value = !isPaused.value;
            if (!isPaused.value) void seed().catch(() => undefined);
          }}
        >
          {isPaused.value ? "Go on" : "Hold"}
        </button>
      </div>
      <search class="filters">
        <label>
          Device
          <input
            type="search"
            value={identity}
            placeholder="gw-1"
            onChange={(event) => setQuery({ identity: event.currentTarget.value.trim() })}
          />
        </label>
        <label>
          Deployment
          <input
            type="search"
            value={deploymentId}
            onChange={(event) => setQuery({ deploymentId: event.currentTarget.value.trim() })}
          />
        </label>
      </search>
      <fieldset class="chips">
        <legend class="visually-hidden">Types</legend>
        {types.map((type) => (
          <button
            key={type}
            type="button"
            class="count"
            aria-pressed={chosen.includes(type)}
            onClick={() => setQuery({ types: toggled(chosen, type) })}
          >
            {type}
          </button>
        ))}
      </fieldset>
      {isLoaded.value && lines.value.length === 0 ? (
        <Empty title="Nothing happened yet" command="npx otau simulate --devices 5">
          <p>Every change and every report shows up here at once. To see some, type:</p>
        </Empty>
      ) : (
        <ol class="timeline card" aria-label="Journal">
          {lines.value.map((line) => (
            <JournalLine key={line.id} line={line} />
          ))}
        </ol>
      )}
    </>
  );
}

/** Newest first, each line once: the stream and the list overlap. */
function merged(fresh: readonly StreamEvent[], known: readonly StreamEvent[]): readonly StreamEvent[] {
  const byId = new Map([...known, ...fresh].map((line) => [line.id, line]));
  return [...byId.values()].sort((a, b) => Number(b.id) - Number(a.id)).slice(0, linesMax);
}
