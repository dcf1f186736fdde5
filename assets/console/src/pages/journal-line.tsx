import type { StreamEvent } from "../api/types.ts";
import { StateBadge } from "../parts/state-badge.tsx";
import { Clock } from "../parts/time.tsx";
import { linkTo } from "../state/route.ts";

/** One line of the journal. */
export function JournalLine({ line }: { readonly line: StreamEvent }) {
  const { at, type, identity, deploymentId, packageId, version, from, to, reason, decision, actor } = line;
  return (
    <li class="line journal-line">
      <Clock at={at} />
      <span class="line-kind">{type}</span>
      <span class="line-what">
        {identity && <a href={linkTo("devices", identity)}>{identity}</a>}
        {version && <span class="mono">{version}</span>}
        {from && to && (
          <span class="change">
            <StateBadge state={from} /> → <StateBadge state={to} />
          </span>
        )}
        {!from && to && <StateBadge state={to} />}
        {reason && <span class="reason">{reason}</span>}
        {!identity && packageId && <a href={linkTo("packages", packageId)}>{packageId}</a>}
        {line.totals && (
          <span class="muted">
            {line.totals.succeeded} of {line.totals.total} succeeded
          </span>
        )}
        {deploymentId && (
          <a class="muted" href={linkTo("deployments", deploymentId)}>
            {identity ? "deployment" : deploymentId}
          </a>
        )}
      </span>
      <span class="line-end">
        {decision && <span class={`decision decision-${decision}`}>{decision}</span>}
        <span class="muted" title={actor.id}>
          {actor.kind}
        </span>
      </span>
    </li>
  );
}
