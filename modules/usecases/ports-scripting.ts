import type { Ms } from "../otau/model.ts";

/** What a script wants to be told later. */
export type TimerDraft = {
  readonly id: string;
  /** JSON text. */
  readonly messageText: string;
  readonly durationMs: number;
  /** Again and again, each `durationMs` after the last due time. */
  readonly isInterval: boolean;
  /** Product of the script that set it; its handler acts on the same. */
  readonly productId: string;
};

/** A timer whose time has come, held by a lease: who settles it must still hold that. */
export type DueTimer = {
  readonly id: string;
  readonly messageText: string;
  readonly productId: string;
  /** Names this firing; a timer set anew, canceled or fired by somebody else meanwhile has another. */
  readonly lease: string;
  /** How often it was fired before without an end, by a crash or a failure. */
  readonly tries: number;
};

/** Timers of scripts (Murano Timer). Time is the store's clock. */
export type TimerStore = {
  /** Sets it, in place of one of the same id. False when there are `timersMax` others already. */
  set(timer: TimerDraft, timersMax: number): Promise<boolean>;
  /** False when there was none. */
  cancel(id: string): Promise<boolean>;
  cancelAll(): Promise<number>;
  /** Ids, the next due first. */
  list(): Promise<string[]>;
  /** Timers that are due, up to `limit`, leased for `leaseMs`: if they are not settled by then, they are due again. */
  claim(limit: number, leaseMs: number): Promise<DueTimer[]>;
  /** Holds the lease for longer. */
  extend(timer: Pick<DueTimer, "id" | "lease">, leaseMs: number): Promise<void>;
  /** It was heard: an interval waits for its next time, another timer is gone. */
  settle(timer: Pick<DueTimer, "id" | "lease">): Promise<void>;
  /** It failed: due again after `delayMs`. */
  postpone(timer: Pick<DueTimer, "id" | "lease">, delayMs: number): Promise<void>;
  /** When the next one is due. */
  nextAt(): Promise<Ms | undefined>;
};

/** Parameters of services that scripts changed, over those of `services/<service>.yaml`. */
export type ConfigStore = {
  /** JSON text by service. */
  all(): Promise<ReadonlyMap<string, string>>;
  get(service: string): Promise<string | undefined>;
  /** False when it is no longer `before`. */
  replace(service: string, before: string | undefined, after: string): Promise<boolean>;
};
