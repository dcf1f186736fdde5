export function PackagePage(_: { readonly packageId?: string | undefined; readonly deploymentId?: string }) {
  return <h1>package</h1>;
}
