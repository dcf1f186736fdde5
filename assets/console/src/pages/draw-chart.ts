import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Series } from "./totals-series.ts";

const heightPx = 180;

/** Draws the series into `place`, as wide as it is; answers how to take it away. */
export function drawChart(place: HTMLElement, series: Series): () => void {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  const line = (label: string, tone: string, dash?: number[]) => ({
    label,
    stroke: colour(tone),
    width: 2,
    ...(dash ? { dash } : {}),
    points: { show: false },
  });
  const axis = {
    stroke: colour("muted"),
    grid: { stroke: colour("line"), width: 1 },
    ticks: { show: false },
  };
  const chart = new uPlot(
    {
      width: place.clientWidth,
      height: heightPx,
      series: [
        { label: "time" },
        line("succeeded", "ok"),
        line("under way", "busy", [6, 4]),
        line("failed", "bad", [2, 3]),
      ],
      legend: { live: false },
      axes: [
        { ...axis, values: (_chart, splits) => splits.map(timeOfDay) },
        { ...axis, size: 44, incrs: [1, 2, 5, 10, 20, 50, 100, 500, 1000, 10_000, 100_000, 1_000_000] },
      ],
      scales: { y: { range: (_chart, _min, max) => [0, Math.max(1, max * 1.05)] } },
      cursor: { drag: { x: false, y: false } },
    },
    series.map((values) => [...values]) as unknown as uPlot.AlignedData,
    place,
  );
  const watcher = new ResizeObserver(() => chart.setSize({ width: place.clientWidth, height: heightPx }));
  watcher.observe(place);
  return () => {
    watcher.disconnect();
    chart.destroy();
  };
}

const timeOfDay = (seconds: number): string => new Date(seconds * 1000).toTimeString().slice(0, 8);
