import { get } from "../api/client.ts";
import type { Page, Totals, Update } from "../api/types.ts";
import { useResource } from "../state/resource.ts";
import { linkTo, setQuery } from "../state/route.ts";
import { useTurned } from "../state/use-turned.ts";

type Props = { readonly path: string; readonly totals: Totals; readonly turn: number };
type Group = {
  readonly reason: string;
  readonly phase: string;
  readonly message: string;
  readonly updates: readonly Update[];
};

const sampleMax = 500;

/** What went wrong, by reason and message, the most frequent first. */
export function DeploymentFailures({ path, totals, turn }: Props) {
  const failed = totals.failed + totals.timed_out + totals.aborted;
  const { value, refresh } = useResource(`failures ${path}`, (signal) =>
    get<Page<Update>>(
      `${path}/updates`,
      { state: ["failed", "timed_out", "aborted"], limit: sampleMax },
      signal,
    ),
  );
  useTurned(turn, refresh);
  const groups = groupsOf(value.value?.items ?? []);
  if (groups.length === 0) return null;
  return (
    <section class="card" aria-labelledby="failures-title">
      <h2 id="failures-title">Failures</h2>
      <ul class="failures">
        {groups.map(({ reason, phase, message, updates }) => (
          <li key={`${reason} ${phase} ${message}`}>
            <button type="button" class="count" onClick={() => setQuery({ reason, state: "" })}>
              <strong>{updates.length.toLocaleString("en")}</strong> <span class="reason">{reason}</span>
            </button>
            <span>
              {phase && `while ${phase}`} {message && <q>{message}</q>}
            </span>
            <span class="muted">
              {updates.slice(0, 3).map(({ identity }) => (
                <a key={identity} href={linkTo("devices", identity)}>
                  {identity}
                </a>
              ))}
              {updates.length > 3 && " …"}
            </span>
          </li>
        ))}
      </ul>
      {failed > sampleMax && (
        <p class="muted">
          Of the first {sampleMax} of {failed.toLocaleString("en")}.
        </p>
      )}
    </section>
  );
}

function groupsOf(updates: readonly Update[]): readonly Group[] {
  const byCause = Map.groupBy(updates, ({ reason, phase, message }) =>
    JSON.stringify([reason, phase, message]),
  );
  return [...byCause.values()]
    .map((members) => {
      const { reason = "", phase = "", message = "" } = members[0] ?? {};
      return { reason, phase, message, updates: members };
    })
    .sort((a, b) => b.updates.length - a.updates.length);
}
