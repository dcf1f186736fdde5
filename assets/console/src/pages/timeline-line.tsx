import type { HistoryLine } from "../api/types.ts";
import { StateBadge } from "../parts/state-badge.tsx";
import { Clock } from "../parts/time.tsx";

const kindWords = {
  report: "device",
  write: "written",
  deadline: "deadline",
  operator: "operator",
  system: "system",
} as const;

/** One line of a device's history: who, what, what was made of it. */
export function TimelineLine({ line }: { readonly line: HistoryLine }) {
  const { at, kind, from, to, reason, decision, actor, attempt } = line;
  return (
    <li class={`line line-${kind}`}>
      <Clock at={at} />
      <span class="line-kind" title={`${actor.kind} ${actor.id}`}>
        {kindWords[kind]}
      </span>
      <span class="line-what">
        <What line={line} />
        {from !== undefined && to !== undefined && (
          <span class="change">
            <StateBadge state={from} /> → <StateBadge state={to} />
          </span>
        )}
        {reason && <span class="reason">{reason}</span>}
      </span>
      <span class="line-end">
        {attempt !== undefined && <span class="muted">attempt {attempt}</span>}
        {decision && <span class={`decision decision-${decision}`}>{decision}</span>}
      </span>
    </li>
  );
}

function What({ line }: { readonly line: HistoryLine }) {
  const { kind, status, version, message, raw, count, lastAt, note, clockWrong, actor } = line;
  return (
    <>
      {status && <span class="mono strong">{status}</span>}
      {version && <span class="mono">{version}</span>}
      {message && <q>{message}</q>}
      {!status && raw && <code class="raw">{raw.slice(0, 300)}</code>}
      {kind === "operator" && <span>{actor.id}</span>}
      {count !== undefined && count > 1 && (
        <span class="muted">
          {count} times{lastAt ? ", the last " : ""}
          {lastAt && <Clock at={lastAt} />}
        </span>
      )}
      {clockWrong && <span class="badge tone-warn">clock wrong</span>}
      {note && <span class="muted">{note}</span>}
    </>
  );
}
