export function JournalPage(_: { readonly packageId?: string | undefined; readonly deploymentId?: string }) {
  return <h1>journal</h1>;
}
