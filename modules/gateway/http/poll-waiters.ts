import type { DeviceRef } from "../../usecases/ports.ts";
import { createRounds } from "../rounds.ts";

/** The waiting side of one poll. */
export type PollWaiter = {
  /** Look again: a value may have come. Kept until the next `next()`. */
  readonly wake: () => void;
  /** Resolves at a wake with true; with false when the poll is over. The last look before the end gets its true. */
  readonly next: () => Promise<boolean>;
  readonly remove: () => void;
};

/** All waiting polls of a listener: wakes each in turn, and ends the oldest of a device that opens too many. */
export function createPollWaiters(options: { readonly recheckMs: number; readonly maxPerDevice: number }) {
  const waiting = new Set<Entry>();
  const byDevice = new Map<string, Entry[]>();

  const rounds = createRounds(options.recheckMs);

  const add = (ref: DeviceRef, timeoutMs: number, signal: AbortSignal): PollWaiter => {
    const key = `${ref.productId}/${ref.identity}`;
    const entry = createEntry(timeoutMs, signal);
    waiting.add(entry);
    const leaveRounds = rounds.add(entry.wake);
    const own = byDevice.get(key) ?? [];
    byDevice.set(key, own);
    own.push(entry);
    // Left over from connections that broke without a word.
    if (own.length > options.maxPerDevice) own[0]?.end();
    const remove = (): void => {
      entry.dispose();
      leaveRounds();
      waiting.delete(entry);
      own.splice(own.indexOf(entry), 1);
      if (own.length === 0) byDevice.delete(key);
    };
    return { wake: entry.wake, next: entry.next, remove };
  };

  return {
    add,
    get size(): number {
      return waiting.size;
    },
    /** Ends every poll at once. */
    close(): void {
      rounds.close();
      for (const entry of waiting) entry.end();
    },
  };
}

type Entry = Pick<PollWaiter, "wake" | "next"> & { end(): void; dispose(): void };

function createEntry(timeoutMs: number, signal: AbortSignal): Entry {
  let isWoken = false;
  let hasEnded = signal.aborted;
  let isTimeUp = false;
  let resume: (() => void) | undefined;
  const run = (): void => {
    resume?.();
    resume = undefined;
  };
  const wake = (): void => {
    isWoken = true;
    run();
  };
  const end = (): void => {
    hasEnded = true;
    run();
  };
  const timer = setTimeout(() => {
    isTimeUp = true;
    wake();
  }, timeoutMs);
  signal.addEventListener("abort", end);

  const next = async (): Promise<boolean> => {
    if (!isWoken && !hasEnded && !isTimeUp) await new Promise<void>((resolve) => (resume = resolve));
    // Woken once more when the time is up: a value whose hint was lost is still found.
    const goesOn = isWoken && !hasEnded;
    isWoken = false;
    return goesOn;
  };
  const dispose = (): void => {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  };
  return { wake, next, end, dispose };
}
