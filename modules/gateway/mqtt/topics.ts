/** What a device publishes to. */
export type PublishTopic =
  | { readonly kind: "provision"; readonly identity: string }
  | { readonly kind: "resource"; readonly alias: string }
  | { readonly kind: "batch" }
  | { readonly kind: "foreign" };

/** Tells what a topic is for; whatever is not Murano's is foreign. */
export function readPublishTopic(topic: string): PublishTopic {
  if (topic === "$resource.batch") return { kind: "batch" };
  const slash = topic.indexOf("/");
  const root = topic.slice(0, slash);
  const rest = topic.slice(slash + 1);
  if (rest === "" || slash === -1) return { kind: "foreign" };
  // Identities hold no slash, but a hostile one is told to the access, which refuses it.
  if (root === "$provision") return { kind: "provision", identity: rest };
  if (root === "$resource" && !rest.includes("/")) return { kind: "resource", alias: rest };
  return { kind: "foreign" };
}

/** The topic on which a device is handed a value. */
export const valueTopic = (alias: string, timestampUs: number): string => `$resource/${alias}/${timestampUs}`;

/** Reads what `valueTopic` wrote. */
export function readValueTopic(
  topic: string,
): { readonly alias: string; readonly timestampUs: number } | undefined {
  const found = /^\$resource\/([^/]+)\/(\d+)$/.exec(topic);
  const alias = found?.[1];
  return alias === undefined ? undefined : { alias, timestampUs: Number(found?.[2]) };
}

/**
 * Whether a filter covers only what the connection is sent anyway: its own resources, or the reply to an activation.
 */
export const isOwnFilter = (filter: string): boolean =>
  filter.length <= 256 &&
  !filter.includes("\0") &&
  /^\$(?:resource|provision)(?:\/(?:\+|[^+#/]+))*(?:\/#)?$/.test(filter) &&
  filter.includes("/");
