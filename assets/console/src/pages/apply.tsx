export function ApplyPage(_: { readonly packageId?: string | undefined; readonly deploymentId?: string }) {
  return <h1>apply</h1>;
}
