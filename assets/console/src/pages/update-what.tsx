import type { Update } from "../api/types.ts";
import { Until } from "../parts/time.tsx";

type Props = { readonly update: Update; readonly hasVersion?: boolean };

/** An update in a line: version, what was said last, what runs out next. */
export function UpdateWhat({ update, hasVersion = false }: Props) {
  const { version, reason, message, attempt, maxAttempts, retryAt, deadlineAt, endedAt } = update;
  return (
    <>
      {hasVersion && <span class="mono">{version}</span>}
      {reason && <span class="reason">{reason}</span>}
      {message && <span class="muted">{message}</span>}
      {attempt > 1 && (
        <span class="muted">
          attempt {attempt} of {maxAttempts}
        </span>
      )}
      {retryAt && (
        <span class="muted">
          again <Until at={retryAt} />
        </span>
      )}
      {!endedAt && deadlineAt && (
        <span class="muted">
          due <Until at={deadlineAt} />
        </span>
      )}
    </>
  );
}
