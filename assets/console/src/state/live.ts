import { useEffect, useRef } from "preact/hooks";
import type { Query } from "../api/client.ts";
import { followStream } from "../api/stream.ts";
import type { StreamEvent } from "../api/types.ts";
import { route } from "./route.ts";

/** Follows the product's stream while the page is shown; a gap in it counts as an event. */
export function useLive(query: Query, onEvent: (event: StreamEvent | undefined) => void): void {
  const { productId } = route.value;
  const latest = useRef(onEvent);
  latest.current = onEvent;
  const key = JSON.stringify([productId, query]);
  // The key holds product and query.
  useEffect(
    () =>
      followStream({
        productId,
        query,
        onEvent: (event) => latest.current(event),
        onGap: () => latest.current(undefined),
      }),
    [key],
  );
}

/** Calls `work` at most once in `delayMs`, the last call never lost. */
export function useThrottled(work: () => void, delayMs: number): () => void {
  const latest = useRef(work);
  latest.current = work;
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  return () => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      latest.current();
    }, delayMs);
  };
}
