export function DeploymentsPage(_: {
  readonly packageId?: string | undefined;
  readonly deploymentId?: string;
}) {
  return <h1>deployments</h1>;
}
