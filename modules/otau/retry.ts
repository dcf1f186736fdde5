import type { Deployment, Ms, Update } from "./model.ts";
import type { RetryPolicy } from "./policy.ts";
import type { Reason } from "./vocabulary.ts";

/** Milliseconds to wait after the nth attempt of a series; `random` in [0, 1) spreads it by the policy's jitter. */
export function retryDelayMs(policy: RetryPolicy, attemptOfSeries: number, random: number): Ms {
  if (policy.delayMs === 0) return 0;
  const delayMs = Math.min(policy.delayMs * policy.factor ** (attemptOfSeries - 1), policy.maxDelayMs);
  return Math.round(delayMs * (1 + policy.jitter * (2 * random - 1)));
}

/** The deployment's time to start anything new is over. */
export function isExpired(deployment: Deployment, now: Ms): boolean {
  return deployment.expiresAt !== undefined && now >= deployment.expiresAt;
}

/** Whether an attempt that ended so may be followed by another: policy, attempts left, and nothing called off. */
export function mayRetry(update: Update, deployment: Deployment, reason: Reason, now: Ms): boolean {
  if (deployment.withdrawn || deployment.state === "canceled" || isExpired(deployment, now)) return false;
  if (update.attempt >= update.maxAttempts) return false;
  return (deployment.retry.on as readonly Reason[]).includes(reason);
}
