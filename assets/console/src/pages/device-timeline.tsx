import type { HistoryLine } from "../api/types.ts";
import { ErrorNote } from "../parts/error-note.tsx";
import { usePagedList } from "../state/paged-list.ts";
import { useTurned } from "../state/use-turned.ts";
import { TimelineLine } from "./timeline-line.tsx";

/** Everything that happened to the device, newest first. */
export function DeviceTimeline({ path, turn }: { readonly path: string; readonly turn: number }) {
  const list = usePagedList<HistoryLine>(`${path}/history`, { order: "desc" }, ({ seq }) => String(seq), 50);
  useTurned(turn, () => list.refresh());
  const lines = [...list.items].sort((a, b) => b.seq - a.seq);
  return (
    <section class="card" aria-labelledby="timeline-title">
      <h2 id="timeline-title">Timeline</h2>
      <ErrorNote error={list.error} />
      {list.isLoaded && lines.length === 0 && (
        <p class="muted">
          Nothing happened yet. What the device reports, and what is done to it, will stand here.
        </p>
      )}
      <ol class="timeline">
        {lines.map((line) => (
          <TimelineLine key={line.seq} line={line} />
        ))}
      </ol>
      {list.isLoaded && !list.isComplete && (
        <button type="button" onClick={list.loadMore}>
          Older
        </button>
      )}
    </section>
  );
}
