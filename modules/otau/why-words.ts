import type { Ms } from "./model.ts";

const units = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1000],
] as const;

/** A duration as a person says it: its two largest units, such as `2 h 5 min`; below a second `less than 1 s`. */
export function durationText(ms: number): string {
  let rest = Math.floor(Math.max(0, ms) / 1000) * 1000;
  const parts: string[] = [];
  for (const [unit, size] of units) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count} ${unit}`);
    // What is days long is not told to the second.
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.length === 0 ? "less than 1 s" : parts.join(" ");
}

/** A time as texts and details name it: ISO 8601, UTC. */
export function timeText(at: Ms): string {
  return new Date(at).toISOString();
}

/** `at 2026-01-05T12:00:00.000Z (in 5 min)`, or what is left of it when that is over. */
export function comingText(at: Ms, now: Ms): string {
  return at > now
    ? `at ${timeText(at)} (in ${durationText(at - now)})`
    : `at ${timeText(at)}, any moment now`;
}

/** `since 2026-01-05T12:00:00.000Z (5 min)` */
export function sinceText(at: Ms, now: Ms): string {
  return `since ${timeText(at)} (${durationText(now - at)})`;
}

/** `1 device`, `2 devices` */
export function countText(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
