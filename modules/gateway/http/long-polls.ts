import { OtauError } from "../../errors.ts";
import type { DeviceAccess, DeviceCredential, ResourceValue } from "../../usecases/device-access.ts";
import { type KnownValues, wantedAlias } from "../known-values.ts";
import { makeTouch } from "../touch.ts";
import { baselineUs, type Since } from "./poll-since.ts";
import { createPollWaiters, type PollWaiter } from "./poll-waiters.ts";

/** A poll of one device. */
export type Poll = {
  readonly credential: DeviceCredential;
  readonly aliases: readonly string[];
  readonly since: Since;
  readonly timeoutMs: number;
  /** Aborted when the device hangs up. */
  readonly signal: AbortSignal;
};

/** Newer values, or none: the time is over, the listener closes, or the device is gone. */
export type PollOutcome = ReadonlyMap<string, ResourceValue>;

/**
 * Long polls: they register, look, and wait for hints; they hold no connection to the store. Every few seconds each
 * looks again by itself, so a lost hint delays a value and loses none, and a poll ends soon after its credential.
 */
export function createLongPolls(options: {
  readonly access: DeviceAccess;
  readonly known: KnownValues;
  readonly now: () => number;
  /** How often a waiting poll looks again; stretched when very many wait. */
  readonly recheckMs: number;
  readonly maxPerDevice: number;
}): { wait(poll: Poll): Promise<PollOutcome>; readonly size: number; close(): void } {
  const { access, known, now } = options;
  const waiters = createPollWaiters({ recheckMs: options.recheckMs, maxPerDevice: options.maxPerDevice });

  const wait = async (poll: Poll): Promise<PollOutcome> => {
    const waiter = waiters.add(poll.credential.ref, poll.timeoutMs, poll.signal);
    // Not awaited: while the store is away a subscription may take long, and the poll has its time. What came before
    // it stood is found by the look that follows it.
    const watching = access.watch(poll.credential.ref, waiter.wake);
    watching.then(waiter.wake, () => {});
    try {
      return await waitForNews(poll, waiter);
    } finally {
      watching.then(
        (unwatch) => unwatch(),
        () => {},
      );
      waiter.remove();
    }
  };

  const waitForNews = async (poll: Poll, waiter: PollWaiter): Promise<PollOutcome> => {
    const { credential, aliases } = poll;
    const present = await access.peek(credential, aliases);
    const baselines = new Map<string, number>();
    for (const alias of aliases) {
      const seen = present.get(alias);
      const sighting = seen && { timestampUs: seen.timestampUs, delivered: seen.delivered };
      const stampUs = baselineUs(poll.since, known.get(credential.ref, alias), sighting, now());
      baselines.set(alias, stampUs);
      if (poll.since.kind === "now") known.knows(credential.ref, alias, stampUs);
    }
    const touch = makeTouch(access, credential.ref, now);
    let news = await take(poll, baselines, present);
    while (news.size === 0 && (await waiter.next())) {
      touch();
      news = await unlessAway(async () => take(poll, baselines, await access.peek(credential, aliases)));
    }
    return news;
  };

  // Reads, and so delivers, what is newer than the device knows.
  const take = async (
    { credential, signal, since }: Poll,
    baselines: Map<string, number>,
    present: ReadonlyMap<string, { readonly timestampUs: number }>,
  ): Promise<PollOutcome> => {
    const newer = [...present].filter(
      ([alias, { timestampUs }]) => timestampUs > (baselines.get(alias) ?? -1),
    );
    // Not for a device that has hung up meanwhile.
    if (newer.length === 0 || signal.aborted) return nothing;
    const values = await access.read(
      credential,
      newer.map(([alias]) => alias),
    );
    const news = new Map<string, ResourceValue>();
    for (const [alias, value] of values) {
      if (value.timestampUs <= (baselines.get(alias) ?? -1)) continue;
      const mayBeEcho = since.kind !== "beginning" && alias !== wantedAlias;
      if (mayBeEcho && known.isOwn(credential.ref, alias, value.value, value.timestampUs)) {
        baselines.set(alias, value.timestampUs);
      } else news.set(alias, value);
    }
    return news;
  };

  return {
    wait,
    get size() {
      return waiters.size;
    },
    close: waiters.close,
  };
}

const nothing: PollOutcome = new Map();

// A store that is away for a while ends no poll: the next look comes by itself.
async function unlessAway(look: () => Promise<PollOutcome>): Promise<PollOutcome> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof OtauError && error.code === "STORE_UNAVAILABLE") return nothing;
    throw error;
  }
}
