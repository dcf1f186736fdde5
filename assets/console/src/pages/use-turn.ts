import { useState } from "preact/hooks";
import { useThrottled } from "../state/live.ts";

/** A number that rises, at most a few times a second, when something happened: what depends on it is read again. */
export function useTurn(): readonly [number, () => void] {
  const [turn, setTurn] = useState(0);
  return [turn, useThrottled(() => setTurn((last) => last + 1), 300)];
}
