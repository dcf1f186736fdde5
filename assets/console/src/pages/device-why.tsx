import { get } from "../api/client.ts";
import type { Why } from "../api/types.ts";
import { Ago, Until } from "../parts/time.tsx";
import { useResource } from "../state/resource.ts";
import { linkTo } from "../state/route.ts";
import { useTurned } from "../state/use-turned.ts";

const bad = ["FAILED", "TIMED_OUT", "ABORTED", "VERSION_MISMATCH", "WITHDRAWN", "HALTED"];
const warn = ["OFFLINE", "SILENT", "NOT_ACKNOWLEDGED", "DRIFTED", "RETRY_AT", "PAUSED", "RESTING", "EXPIRED"];
const good = ["UP_TO_DATE", "ALREADY_INSTALLED"];

const toneOf = (code: string): string =>
  bad.includes(code) ? "bad" : warn.includes(code) ? "warn" : good.includes(code) ? "ok" : "busy";

/** The one sentence an operator came for, in large letters. */
export function DeviceWhy({ path, turn }: { readonly path: string; readonly turn: number }) {
  const { value, refresh } = useResource(`${path}/why`, (signal) => get<Why>(`${path}/why`, {}, signal), {
    pollMs: 5000,
  });
  useTurned(turn, refresh);
  const why = value.value;
  if (why === undefined) return null;
  return (
    <section class={`why tone-${toneOf(why.code)}`} aria-label="Why" aria-live="polite">
      <p class="why-text">{why.text}</p>
      <p class="why-facts">
        <span class="reason">{why.code}</span>
        {why.since && (
          <span>
            since <Ago at={why.since} />
          </span>
        )}
        {why.until && (
          <span>
            until <Until at={why.until} />
          </span>
        )}
        {why.deploymentId && <a href={linkTo("deployments", why.deploymentId)}>deployment</a>}
      </p>
    </section>
  );
}
