/** How often a tick runs, and how many callbacks one tick calls at most. */
const tickMs = 250;
const callsPerTick = 250;

/** Calls each of many callbacks in turn. */
export type Rounds = {
  /** Adds a callback; the returned function removes it. */
  add(call: () => void): () => void;
  readonly size: number;
  close(): void;
};

/**
 * One timer for all: every callback has its turn about each `everyMs`. When there are too many, a round takes longer
 * and the load stays what it is.
 */
export function createRounds(everyMs: number): Rounds {
  const waiting = new Set<{ readonly call: () => void }>();
  const timer = setInterval(() => {
    const share = Math.ceil((waiting.size * tickMs) / everyMs);
    for (const item of takeFirst(waiting, Math.min(share, callsPerTick))) {
      // To the end of the line.
      waiting.delete(item);
      waiting.add(item);
      item.call();
    }
  }, tickMs);
  timer.unref();
  return {
    add(call) {
      const item = { call };
      waiting.add(item);
      return () => void waiting.delete(item);
    },
    get size() {
      return waiting.size;
    },
    close: () => clearInterval(timer),
  };
}

function takeFirst<Item>(items: Iterable<Item>, count: number): Item[] {
  const taken: Item[] = [];
  for (const item of items) {
    if (taken.length >= count) break;
    taken.push(item);
  }
  return taken;
}
