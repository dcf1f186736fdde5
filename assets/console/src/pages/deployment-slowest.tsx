import type { DeploymentDetail } from "../api/types.ts";
import { StateBadge } from "../parts/state-badge.tsx";
import { Ago } from "../parts/time.tsx";
import { linkTo } from "../state/route.ts";

type Props = { readonly slowest: NonNullable<DeploymentDetail["slowest"]> };

const shownMax = 5;

/** The devices that have been at it for longest. */
export function DeploymentSlowest({ slowest }: Props) {
  if (slowest.length === 0) return null;
  return (
    <section class="card" aria-labelledby="slowest-title">
      <h2 id="slowest-title">Slowest</h2>
      <ul class="failures">
        {slowest.slice(0, shownMax).map(({ identity, updateId, state, sentAt }) => (
          <li key={updateId}>
            <a href={linkTo("devices", identity)}>{identity}</a> <StateBadge state={state} />
            {sentAt && (
              <span class="muted">
                written <Ago at={sentAt} />
              </span>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
