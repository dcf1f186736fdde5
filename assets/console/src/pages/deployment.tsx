export function DeploymentPage(_: {
  readonly packageId?: string | undefined;
  readonly deploymentId?: string;
}) {
  return <h1>deployment</h1>;
}
