/** The uid of the device with this ordinal: `<shard>x<ordinal>`, both in base 36. No shard number holds an x. */
export function uidOf(shard: number, ordinal: number): string {
  return `${shard.toString(36)}x${ordinal.toString(36)}`;
}

/** Shard and ordinal of a uid; undefined for a text that is none. */
export function parseUid(uid: string): { readonly shard: number; readonly ordinal: number } | undefined {
  const match = /^([0-9a-w]{1,2})x([0-9a-z]{1,10})$/.exec(uid);
  if (match === null) return undefined;
  const [, shard = "", ordinal = ""] = match;
  return { shard: Number.parseInt(shard, 36), ordinal: Number.parseInt(ordinal, 36) };
}
