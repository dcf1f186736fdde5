import { readNames } from "./deployment-members.ts";
import { markEvery, positionAfter } from "./device-order.ts";
import { ordinalsIn } from "./ordinal-bits.ts";
import type { OrdinalBits, ShardOrder } from "./shard-order.ts";
import type { StoreContext } from "./store-context.ts";

/** Identities of one shard that match, in their order. */
export type ShardSource = {
  /** The next identity; undefined at the end. Only after `fill`. */
  readonly peek: () => string | undefined;
  readonly take: () => void;
  /** Reads on if nothing is left of what was read. */
  readonly fill: () => Promise<void>;
};

/** Where in a shard a list is. */
export type ShardPlace = {
  readonly productId: string;
  readonly shard: number;
  readonly after: string;
  /** In lower case. */
  readonly prefix: string;
  /** Identities that are likely to be wanted of the shard. */
  readonly share: number;
};

async function namesOf(
  context: StoreContext,
  { productId, shard, after, prefix }: ShardPlace,
  ordinals: readonly number[],
): Promise<string[]> {
  const names = await readNames(context, productId, shard, ordinals);
  return names
    .filter((name) => name !== undefined)
    .filter((name) => name > after && name.toLowerCase().startsWith(prefix));
}

/** All that match and are not in `without`, read and sorted at once. */
export function openFew(
  context: StoreContext,
  place: ShardPlace,
  matching: OrdinalBits,
  without: OrdinalBits,
): ShardSource {
  let identities: readonly string[] | undefined;
  let at = 0;
  return {
    peek: () => identities?.[at],
    take: () => {
      at++;
    },
    fill: async () => {
      identities ??= (
        await namesOf(context, place, ordinalsIn(matching, without, Number.POSITIVE_INFINITY))
      ).sort();
    },
  };
}

/** Those that match and are in the shard's order: names are read only of what is likely to be wanted. */
export function openInOrder(
  context: StoreContext,
  place: ShardPlace,
  matching: OrdinalBits,
  order: ShardOrder,
): ShardSource {
  let buffer: readonly string[] = [];
  let at = 0;
  let position = place.after === "" ? 0 : positionAfter(order, place.after);
  // What stands before `after` in its block is read in vain.
  let wanted = place.share + (place.after === "" ? 0 : markEvery);
  function nextOrdinals(): number[] {
    const ordinals: number[] = [];
    const { length } = order.ordinals;
    while (position < length && ordinals.length < wanted) {
      if (position % markEvery === 0 && !mayBegin(order, position / markEvery, place.prefix)) {
        position += markEvery;
        continue;
      }
      const ordinal = order.ordinals[position] ?? 0;
      if (((matching[ordinal >> 3] ?? 0) & (128 >> (ordinal & 7))) !== 0) ordinals.push(ordinal);
      position++;
    }
    wanted = place.share;
    return ordinals;
  }
  return {
    peek: () => buffer[at],
    take: () => {
      at++;
    },
    fill: async () => {
      while (at >= buffer.length) {
        const ordinals = nextOrdinals();
        if (ordinals.length === 0) return;
        buffer = await namesOf(context, place, ordinals);
        at = 0;
      }
    },
  };
}

/** Whether some identity of the block may begin so: they all share what its first and the next block's first share. */
function mayBegin({ marks }: ShardOrder, block: number, prefix: string): boolean {
  if (prefix === "") return true;
  const first = marks[block] ?? "";
  const beyond = marks[block + 1];
  if (beyond === undefined) return true;
  for (let at = 0; at < prefix.length; at++) {
    if (first[at] === undefined || first[at] !== beyond[at]) return true;
    if (first[at]?.toLowerCase() !== prefix[at]) return false;
  }
  return true;
}
