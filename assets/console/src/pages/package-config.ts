/** The fields of `config_otau` that are shown; empty where the package does not say. */
export type ShownConfig = { readonly name: string; readonly version: string; readonly type: string };

/** Reads what a package's `otau_info` says, valid or not. */
export function configOf(info: unknown): ShownConfig {
  const config = (info as { readonly config_otau?: Record<string, unknown> } | undefined)?.config_otau;
  const textOf = (name: string): string => {
    const value = config?.[name];
    return typeof value === "string" ? value : "";
  };
  return { name: textOf("name"), version: textOf("version"), type: textOf("type") };
}
