/** Wanted values of some fields; `undefined` takes a field away. */
export type Changes<T> = { readonly [K in keyof T]?: T[K] | undefined };

type Fields = Record<string, unknown>;

/** A copy with the changes made; the very same object when nothing differs, so that "unchanged" can be seen. */
export function change<T extends object>(value: T, changes: Changes<T>): T {
  const old = value as Fields;
  const wanted = changes as Fields;
  let next: Fields | undefined;
  let taken = false;
  // Every report passes here a dozen times: no list of entries, and no copy before it is needed.
  for (const name in wanted) {
    if (old[name] === wanted[name]) continue;
    next ??= { ...old };
    next[name] = wanted[name];
    taken ||= wanted[name] === undefined;
  }
  return ((taken ? withoutUndefined(next) : next) ?? value) as T;
}

/** Made anew, as an object from which a field was deleted stays slow. */
function withoutUndefined(fields: Fields | undefined): Fields {
  const left: Fields = {};
  for (const name in fields) if (fields[name] !== undefined) left[name] = fields[name];
  return left;
}
