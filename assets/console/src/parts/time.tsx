import { now } from "../state/clock.ts";

const units = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1000],
] as const;

/** A duration in its two largest units: `2 h 5 min`. */
export function spell(ms: number): string {
  const first = units.findIndex(([, unitMs]) => ms >= unitMs);
  if (first === -1) return "0 s";
  const [large, small] = [units[first], units[first + 1]];
  if (large === undefined) return "0 s";
  const whole = Math.floor(ms / large[1]);
  const rest = small === undefined ? 0 : Math.floor((ms % large[1]) / small[1]);
  return rest === 0 || small === undefined
    ? `${whole} ${large[0]}`
    : `${whole} ${large[0]} ${rest} ${small[0]}`;
}

type Props = { readonly at: string | undefined; readonly none?: string };

/** How long ago something was; the exact time on hover. */
export function Ago({ at, none = "never" }: Props) {
  if (at === undefined) return <span class="muted">{none}</span>;
  const ms = Math.max(0, now.value - Date.parse(at));
  return (
    <time dateTime={at} title={at}>
      {ms < 2000 ? "just now" : `${spell(roughly(ms))} ago`}
    </time>
  );
}

// Seconds of something that is hours old are noise.
const roughly = (ms: number): number => {
  const [, unitMs] = units.find(([, one]) => ms >= one) ?? ["s", 1000];
  return Math.floor(ms / unitMs) * unitMs;
};

/** How long until something; it counts down. */
export function Until({ at }: { readonly at: string }) {
  const ms = Date.parse(at) - now.value;
  return (
    <time dateTime={at} title={at} class="countdown">
      {ms <= 0 ? "now" : `in ${spell(ms)}`}
    </time>
  );
}

/** A time of day, and the day where it is not today. */
export function Clock({ at }: { readonly at: string }) {
  const date = new Date(at);
  const isToday = date.toDateString() === new Date(now.value).toDateString();
  const time = `${date.toTimeString().slice(0, 8)}.${String(date.getMilliseconds()).padStart(3, "0")}`;
  return (
    <time dateTime={at} title={at} class="clock">
      {isToday ? time : `${date.toLocaleDateString("sv")} ${time}`}
    </time>
  );
}
