import { guards } from "./guards.ts";
import type { Situation } from "./situation.ts";
import type { Transition, Trigger } from "./transition.ts";
import { actTransitions } from "./transitions-acts.ts";
import { deadlineTransitions } from "./transitions-deadlines.ts";
import { finalTransitions } from "./transitions-finals.ts";
import { reportTransitions } from "./transitions-reports.ts";
import type { UpdateState } from "./vocabulary.ts";

/** THE table: every way in which an update changes. The runtime, the docs and the tests read these rows. */
export const transitions: readonly Transition[] = [
  ...reportTransitions,
  ...deadlineTransitions,
  ...actTransitions,
  ...finalTransitions,
];

/** The rows by state and trigger, in their order. */
export type TransitionIndex = ReadonlyMap<string, readonly Transition[]>;

function keyOf(state: UpdateState, on: Trigger): string {
  return `${state} ${on}`;
}

/** Makes the rows quick to find. */
export function indexTransitions(rows: readonly Transition[]): TransitionIndex {
  const index = new Map<string, Transition[]>();
  for (const row of rows) {
    for (const from of row.from) {
      for (const on of row.on) {
        const key = keyOf(from, on);
        index.set(key, [...(index.get(key) ?? []), row]);
      }
    }
  }
  return index;
}

/** The first row that fits, of those accepted; `undefined` where the table has none, so nothing happens. */
export function pickTransition(
  index: TransitionIndex,
  situation: Situation,
  on: Trigger,
  accept: (row: Transition) => boolean = () => true,
): Transition | undefined {
  const rows = index.get(keyOf(situation.update.state, on)) ?? [];
  return rows.find((row) => accept(row) && (row.when?.every((name) => guards[name](situation)) ?? true));
}
