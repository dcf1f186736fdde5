/** Wanted values of some fields; `undefined` takes a field away. */
export type Changes<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** A copy with the changes made; the very same object when nothing differs, so that "unchanged" can be seen. */
export function change<T extends object>(value: T, changes: Changes<T>): T {
  const next = { ...value } as Record<string, unknown>;
  let differs = false;
  for (const [key, wanted] of Object.entries(changes)) {
    if (next[key] === wanted) continue;
    if (wanted === undefined) delete next[key];
    else next[key] = wanted;
    differs = true;
  }
  return differs ? (next as T) : value;
}
