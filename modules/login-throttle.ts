import { RateLimiterMemory } from "rate-limiter-flexible";
import { OtauError } from "./errors.ts";
import { isLoopbackHost } from "./loopback.ts";

const wrongTokensMax = 10;
const withinSeconds = 60;

/** Guards a check of credentials against whoever tries one after the other. */
export type LoginThrottle = <Found>(
  peer: string,
  check: () => Promise<Found | undefined>,
) => Promise<Found | undefined>;

/**
 * After ten wrong tokens within a minute a peer is refused (RATE_LIMITED) until the minute is over, before its token
 * is looked at. Peers are counted by their socket's address, never by a header, which anybody may write; this machine
 * itself is not counted, as what runs here has other ways in.
 */
export function makeLoginThrottle(): LoginThrottle {
  const wrong = new RateLimiterMemory({ points: wrongTokensMax, duration: withinSeconds });
  return async (peer, check) => {
    const address = peer.replace(/^::ffff:/, "");
    if (isLoopbackHost(address)) return check();
    const counted = await wrong.get(address);
    if (counted !== null && counted.consumedPoints >= wrongTokensMax) {
      const retryAfterSeconds = Math.max(1, Math.ceil(counted.msBeforeNext / 1000));
      throw new OtauError(
        "RATE_LIMITED",
        "Too many wrong tokens came from this address; wait, then send a valid one.",
        {
          retryAfterSeconds,
        },
      );
    }
    const found = await check();
    if (found === undefined) await wrong.penalty(address);
    return found;
  };
}
