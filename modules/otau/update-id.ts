/** The parts of an update's id. */
export type UpdateIdParts = { readonly deploymentId: string; readonly uid: string };

/** The id of a deployment's update of one device; neither part holds a `-`. */
export function updateIdOf(deploymentId: string, uid: string): string {
  return `${deploymentId}-${uid}`;
}

/** The parts of an update's id; `undefined` for a text that is none. */
export function parseUpdateId(text: string): UpdateIdParts | undefined {
  const [deploymentId, uid, ...rest] = text.split("-");
  if (!deploymentId || !uid || rest.length > 0) return undefined;
  return { deploymentId, uid };
}
