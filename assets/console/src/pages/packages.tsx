export function PackagesPage(_: { readonly packageId?: string | undefined; readonly deploymentId?: string }) {
  return <h1>packages</h1>;
}
