import { useEffect, useRef } from "preact/hooks";

/** Calls `refresh` when `turn` rises, not at first. */
export function useTurned(turn: number, refresh: () => void): void {
  const seen = useRef(turn);
  // The turn alone decides.
  useEffect(() => {
    if (seen.current !== turn) refresh();
    seen.current = turn;
  }, [turn]);
}
