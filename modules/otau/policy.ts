import { z } from "zod";
import { confirmModes, onActiveModes, retriableReasons } from "./vocabulary.ts";

const timeoutMs = z.int().min(1).max(315_360_000_000).nullable();

/** Time-outs in milliseconds; `null` switches one off. Unnamed ones fall back to the product's, then the defaults. */
export const timeoutsSchema = z.strictObject({
  acknowledgeMs: timeoutMs.optional(),
  testMs: timeoutMs.optional(),
  downloadMs: timeoutMs.optional(),
  installMs: timeoutMs.optional(),
  confirmMs: timeoutMs.optional(),
  totalMs: timeoutMs.optional(),
});

/** When and how an attempt that ended is tried again. */
export const retrySchema = z.strictObject({
  maxAttempts: z.int().min(1).max(100).optional(),
  on: z.array(z.enum(retriableReasons)).max(retriableReasons.length).optional(),
  delayMs: z.int().min(0).max(2_592_000_000).optional(),
  factor: z.number().min(1).max(100).optional(),
  maxDelayMs: z.int().min(0).max(2_592_000_000).optional(),
  jitter: z.number().min(0).max(1).optional(),
});

export const confirmSchema = z.enum(confirmModes);
export const onActiveSchema = z.enum(onActiveModes);

export type Timeouts = {
  readonly acknowledgeMs: number | null;
  readonly testMs: number | null;
  readonly downloadMs: number | null;
  readonly installMs: number | null;
  readonly confirmMs: number | null;
  readonly totalMs: number | null;
};
export type RetryPolicy = {
  readonly maxAttempts: number;
  readonly on: readonly (typeof retriableReasons)[number][];
  readonly delayMs: number;
  readonly factor: number;
  readonly maxDelayMs: number;
  readonly jitter: number;
};

/** The contract's defaults (section 4). */
export const defaultTimeouts: Timeouts = {
  acknowledgeMs: 604_800_000,
  testMs: 1_800_000,
  downloadMs: 7_200_000,
  installMs: 3_600_000,
  confirmMs: 3_600_000,
  totalMs: 1_209_600_000,
};
export const defaultRetry: RetryPolicy = {
  maxAttempts: 3,
  on: ["DOWNLOAD_ERROR", "DOWNLOAD_TIMEOUT"],
  delayMs: 60_000,
  factor: 2,
  maxDelayMs: 3_600_000,
  jitter: 0.2,
};

/** A device that fails so often within a time is left alone for another. */
export const restSchema = z.strictObject({
  failures: z.int().min(1).max(20),
  withinMs: z.int().min(1000).max(31_536_000_000),
  forMs: z.int().min(1000).max(31_536_000_000),
});
export type RestRule = z.infer<typeof restSchema>;

/** Present in a deployment whose product guards against downgrades. */
export type DowngradeGuard = {
  /** Versions whose package has a higher `sequence` than the one that is applied, and others with a `sequence`. */
  readonly newer: readonly string[];
  readonly older: readonly string[];
};

type PartialTimeouts = z.infer<typeof timeoutsSchema>;
type PartialRetry = z.infer<typeof retrySchema>;

function defined<T extends object>(values: T | undefined): Partial<T> {
  return Object.fromEntries(
    Object.entries(values ?? {}).filter(([, value]) => value !== undefined),
  ) as Partial<T>;
}

/** The time-outs in force: an apply's over its product's over the defaults. */
export function resolveTimeouts(product?: PartialTimeouts, apply?: PartialTimeouts): Timeouts {
  return { ...defaultTimeouts, ...defined(product), ...defined(apply) } as Timeouts;
}

/** The retry policy in force: an apply's over its product's over the defaults. */
export function resolveRetry(product?: PartialRetry, apply?: PartialRetry): RetryPolicy {
  return { ...defaultRetry, ...defined(product), ...defined(apply) } as RetryPolicy;
}
