/** A set of ordinals: a bitmap, the first in the highest bit of the first byte. */
export type OrdinalBits = Uint8Array;

/**
 * The order of one shard's devices as it was when it was read. Ordinals are never given twice and identities never
 * change, so it stays true: devices that came since are not in it (`known`), and those that went have no bit set.
 */
export type ShardOrder = {
  /** Ordinals in the order of their identities. */
  readonly ordinals: Uint32Array;
  /** Every `markEvery`th identity of it. */
  readonly marks: readonly string[];
  /** The ordinals that are in it. */
  readonly known: OrdinalBits;
};
