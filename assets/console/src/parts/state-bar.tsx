import { stateLook, stateOrder } from "./state-look.ts";

type Props = {
  readonly counts: Readonly<Record<string, number>>;
  readonly total: number;
  /** The states that are chosen; with `onPick` each is a button. */
  readonly chosen?: readonly string[];
  readonly onPick?: (state: string) => void;
};

/** How many are in each state: one bar of shares, and below it every count that is not zero. */
export function StateBar({ counts, total, chosen = [], onPick }: Props) {
  const shown = stateOrder.filter((state) => (counts[state] ?? 0) > 0 || chosen.includes(state));
  return (
    <div class="state-bar">
      <StateTrack counts={counts} />
      <ul class="state-counts" aria-label="Devices by state">
        {shown.map((state) => (
          <li key={state}>
            <Count
              state={state}
              count={counts[state] ?? 0}
              total={total}
              isChosen={chosen.includes(state)}
              {...(onPick ? { onPick } : {})}
            />
          </li>
        ))}
      </ul>
    </div>
  );
}

/** The bar of shares alone; the words beside it say the same. */
export function StateTrack({ counts }: { readonly counts: Readonly<Record<string, number>> }) {
  return (
    <div class="state-bar-track" aria-hidden="true">
      {stateOrder
        .filter((state) => (counts[state] ?? 0) > 0)
        .map((state) => (
          <span
            key={state}
            class={`state-bar-part tone-${stateLook(state).tone} state-${state}`}
            style={{ flexGrow: counts[state] ?? 0 }}
          />
        ))}
    </div>
  );
}

type CountProps = {
  readonly state: string;
  readonly count: number;
  readonly total: number;
  readonly isChosen: boolean;
  readonly onPick?: (state: string) => void;
};

function Count({ state, count, total, isChosen, onPick }: CountProps) {
  const { tone, sign, name } = stateLook(state);
  const content = (
    <>
      <span aria-hidden="true" class={`badge-sign tone-${tone}`}>
        {sign}
      </span>{" "}
      <strong>{count.toLocaleString("en")}</strong> {name}
      {total > 0 && <span class="muted share"> {shareOf(count, total)}</span>}
    </>
  );
  if (onPick === undefined) return <span class="count">{content}</span>;
  return (
    <button type="button" class="count" aria-pressed={isChosen} onClick={() => onPick(state)}>
      {content}
    </button>
  );
}

/** A share in percent that never says 0 or 100 of what is not quite so. */
export function shareOf(count: number, total: number): string {
  const percent = (count / total) * 100;
  if (percent > 0 && percent < 1) return "<1%";
  if (percent < 100 && percent > 99) return ">99%";
  return `${Math.round(percent)}%`;
}
