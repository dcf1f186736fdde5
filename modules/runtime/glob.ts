const escaped = (text: string): string => text.replaceAll(/[.+^${}()|[\]\\]/g, "\\$&");

const toPattern = (glob: string): RegExp => {
  const source = glob
    .split(/(\*\*\/|\*\*|\*|\?)/)
    .map((part) => {
      if (part === "**/") return "(?:.*/)?";
      if (part === "**") return ".*";
      if (part === "*") return "[^/]*";
      if (part === "?") return "[^/]";
      return escaped(part);
    })
    .join("");
  return new RegExp(`^${source}$`);
};

/**
 * Whether a path (relative, with `/`) is among `include` and not among `exclude`.
 * Knows `*`, `?` and `**`, which is what manifests use.
 */
export const makePathFilter = (
  include: readonly string[],
  exclude: readonly string[],
): ((path: string) => boolean) => {
  const included = include.map(toPattern);
  const excluded = exclude.map(toPattern);
  return (path) => included.some((one) => one.test(path)) && !excluded.some((one) => one.test(path));
};
