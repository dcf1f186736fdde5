import { useEffect, useRef } from "preact/hooks";
import { get, productPath } from "../api/client.ts";
import type { Page, StreamEvent } from "../api/types.ts";
import { useResource } from "../state/resource.ts";
import { route } from "../state/route.ts";
import { isDark } from "../state/theme.ts";
import { useTurned } from "../state/use-turned.ts";
import { seriesOf } from "./totals-series.ts";

type Props = { readonly deploymentId: string; readonly turn: number };

/** How the counts grew: read from the journal, so it is there for whoever comes later. */
export function DeploymentChart({ deploymentId, turn }: Props) {
  const { productId } = route.value;
  const { value, refresh } = useResource(`chart ${deploymentId}`, (signal) =>
    readTotals(productId, deploymentId, signal),
  );
  useTurned(turn, refresh);
  const place = useRef<HTMLDivElement>(null);
  const lines = value.value ?? [];
  const dark = isDark();
  const isShown = lines.length > 2;
  useEffect(() => {
    if (!isShown) return;
    let isGone = false;
    let remove: (() => void) | undefined;
    void import("./draw-chart.ts").then(({ drawChart }) => {
      if (!isGone && place.current) remove = drawChart(place.current, seriesOf(lines));
    });
    return () => {
      isGone = true;
      remove?.();
    };
    // Drawn anew when a line was added or the colours changed.
  }, [lines.length, dark, isShown]);
  if (!isShown) return null;
  return (
    <figure class="chart">
      <figcaption>Since it was applied: succeeded, under way and failed</figcaption>
      <div ref={place} role="img" aria-label="Devices by outcome over time; the counts stand above" />
    </figure>
  );
}

const pagesMax = 4;

async function readTotals(
  productId: string,
  deploymentId: string,
  signal: AbortSignal,
): Promise<readonly StreamEvent[]> {
  const lines: StreamEvent[] = [];
  let cursor: string | null | undefined;
  // A page may hold nothing and still have a next one; old deployments end after a few.
  for (let page = 0; page < pagesMax && cursor !== null; page++) {
    const query = { deploymentId, types: "deployment.totals", order: "desc", limit: 500, cursor };
    const answer: Page<StreamEvent> = await get(productPath(productId, "audit"), query, signal);
    lines.push(...answer.items);
    cursor = answer.next;
  }
  return lines.reverse();
}
