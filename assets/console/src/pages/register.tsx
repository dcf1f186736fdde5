export function RegisterPage(_: { readonly packageId?: string | undefined; readonly deploymentId?: string }) {
  return <h1>register</h1>;
}
