import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { ApiError } from "../api/client.ts";

/** Something read from the server: what came last stays while it is read again. */
export type Resource<Value> = {
  readonly value: Signal<Value | undefined>;
  readonly error: Signal<ApiError | undefined>;
  /** Reads again soon: calls within `throttleMs` become one. */
  readonly refresh: () => void;
};

type Options = { readonly pollMs?: number; readonly throttleMs?: number };

/** Reads `load` when `key` changes, then each `pollMs` while the page is seen, and whenever asked to. */
export function useResource<Value>(
  key: string,
  load: (signal: AbortSignal) => Promise<Value>,
  { pollMs = 10_000, throttleMs = 400 }: Options = {},
): Resource<Value> {
  const value = useSignal<Value | undefined>(undefined);
  const error = useSignal<ApiError | undefined>(undefined);
  const latest = useRef(load);
  latest.current = load;
  const soon = useRef<() => void>(() => undefined);

  // The key says what is loaded; signals and refs never change.
  useEffect(() => {
    const stop = new AbortController();
    let pending: ReturnType<typeof setTimeout> | undefined;
    let isReading = false;
    value.value = undefined;
    error.value = undefined;
    const read = async () => {
      if (isReading) return soon.current();
      isReading = true;
      try {
        const answer = await latest.current(stop.signal);
        if (stop.signal.aborted) return;
        value.value = answer;
        error.value = undefined;
      } catch (caught) {
        if (!stop.signal.aborted) error.value = toApiError(caught);
      } finally {
        isReading = false;
      }
    };
    soon.current = () => {
      pending ??= setTimeout(() => {
        pending = undefined;
        void read();
      }, throttleMs);
    };
    void read();
    const poll = setInterval(() => {
      if (!document.hidden) soon.current();
    }, pollMs);
    return () => {
      stop.abort();
      clearTimeout(pending);
      clearInterval(poll);
      soon.current = () => undefined;
    };
  }, [key]);

  return { value, error, refresh: () => soon.current() };
}

/** Anything thrown, as an error that can be shown. */
export const toApiError = (caught: unknown): ApiError =>
  caught instanceof ApiError ? caught : new ApiError(0, { detail: String(caught) });
