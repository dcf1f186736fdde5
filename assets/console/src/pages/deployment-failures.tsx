import type { DeploymentDetail } from "../api/types.ts";
import { linkTo, setQuery } from "../state/route.ts";

type Props = { readonly failing: NonNullable<DeploymentDetail["failing"]> };

const namedMax = 5;

/** What went wrong, by reason and message, with the devices it went wrong on. */
export function DeploymentFailures({ failing }: Props) {
  if (failing.length === 0) return null;
  return (
    <section class="card" aria-labelledby="failures-title">
      <h2 id="failures-title">Failures</h2>
      <ul class="failures">
        {failing.map(({ reason, message, count, identities }) => (
          <li key={`${reason} ${message}`}>
            <button type="button" class="count" onClick={() => setQuery({ reason, state: "" })}>
              <strong>{count.toLocaleString("en")}</strong> <span class="reason">{reason}</span>
            </button>
            {message && <q>{message}</q>}
            <span class="muted">
              {identities.slice(0, namedMax).map((identity) => (
                <a key={identity} href={linkTo("devices", identity)}>
                  {identity}
                </a>
              ))}
              {count > Math.min(namedMax, identities.length) && "…"}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
