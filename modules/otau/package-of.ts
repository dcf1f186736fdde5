/**
 * The package of a deployment as it is shown. What was set on a device directly has none: it is kept as the empty
 * text, and shown as absent.
 */
export function packageOf({ packageId }: { readonly packageId: string }): string | undefined {
  return packageId === "" ? undefined : packageId;
}
