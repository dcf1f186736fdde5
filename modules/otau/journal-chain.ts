/** Where a chain of lines stands: the number of the last one, and the digest over all up to it. */
export type ChainPoint = { readonly number: number; readonly digest: string };

/** What is wrong with a chain, and where. */
export type ChainFault = { readonly at: number; readonly what: string };

/** Checks a chain of journal lines one after the other, in memory that does not grow. */
export type ChainCheck = {
  /** A line's exact text. */
  readonly line: (text: string) => ChainFault | undefined;
  /** A point the chain must pass through: the number and digest that were stored with the lines. */
  readonly point: (point: ChainPoint) => ChainFault | undefined;
  /** Where it stands now. */
  readonly reached: () => ChainPoint;
};

/** `next` gives the digest after a line from the one before it. */
export function makeChainCheck(
  begin: ChainPoint,
  next: (digest: string, text: string) => string,
): ChainCheck {
  let { number, digest } = begin;
  return {
    line(text) {
      const expected = number + 1;
      const found = numberOf(text);
      if (found !== expected) {
        const what =
          found === undefined
            ? `line ${expected} is not readable`
            : `line ${found} stands where line ${expected} belongs`;
        return { at: expected, what };
      }
      number = expected;
      digest = next(digest, text);
      return undefined;
    },
    point(point) {
      if (point.number !== number) {
        const what = `lines ${number + 1} to ${point.number} are missing`;
        return point.number > number
          ? { at: number + 1, what }
          : { at: point.number, what: `there are lines beyond ${point.number}, where the journal ends` };
      }
      if (point.digest === digest) return undefined;
      return { at: number, what: `the digest after line ${number} is not the one that was stored` };
    },
    reached: () => ({ number, digest }),
  };
}

function numberOf(text: string): number | undefined {
  const digits = /^\{"id":"(\d{1,15})",/.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
