import type { Readable } from "node:stream";
import type { ContentRecord, DeviceRef } from "./ports.ts";

/** First path segment of signed links on the device listener. */
export const contentLinkRoot = "/content/";

/** A device that showed a valid credential. Its validity is checked again by each read and commit made under it. */
export type DeviceCredential = {
  readonly ref: DeviceRef;
  /** First 16 hex characters of the token's SHA-256, as the device record holds it. */
  readonly tokenPrefix: string;
  /** Of a lasting connection, given by `openSession`; ended as soon as the device opens another. */
  readonly session?: string;
};

/** Where a device's request came from; passed on to event handlers (Murano's `ip`, `protocol`, `connection_id`). */
export type Origin = {
  readonly ip: string;
  readonly protocol: "http" | "mqtt";
  readonly connectionId?: string;
};

/** One value of a resource as a device reads it. */
export type ResourceValue = {
  /** The text a device gets: strings as they are, anything else as JSON. */
  readonly value: string;
  /** Microseconds since 1970. */
  readonly timestampUs: number;
};

/** A present value at a glance. */
export type PeekedValue = {
  /** Microseconds since 1970. */
  readonly timestampUs: number;
  /** False while the value was never handed over; absent where nobody keeps count. */
  readonly delivered?: boolean;
  /**
   * True when the device showed, after `timestampUs`, that it has the value: it wrote it back, or reported on it.
   * MQTT then need not hand it over again on connect; absent where nobody keeps count.
   */
  readonly acknowledged?: boolean;
};

/** Values a device wrote with one stamp; without one, arrival counts. */
export type DeviceEntry = {
  /** As the device sent it (seconds, milliseconds or microseconds, told apart by size). */
  readonly timestamp?: number;
  readonly values: Readonly<Record<string, unknown>>;
};

/** What a signed link says, as it came. */
export type SignedLink = {
  readonly productId: string;
  readonly id: string;
  /** Unix seconds, as text. */
  readonly expires: string;
  readonly signature: string;
};

/** A content item as a device gets it. */
export type DeviceContent = Pick<ContentRecord, "type" | "length" | "sha256" | "lastModified" | "tags"> & {
  /** The bytes, or those from `start` to `end`, both included. INTERNAL when they are gone from the disk. */
  open(range?: { readonly start: number; readonly end: number }): Promise<Readable>;
};

/** What a signed link led to. */
export type FollowedLink =
  | { readonly outcome: "found"; readonly content: DeviceContent }
  | { readonly outcome: "forged" | "expired" | "gone" };

/** What the device listeners need; everything a device does goes through here. */
export type DeviceAccess = {
  /** The product with this id, if there is one; listeners map hosts with it. */
  productExists(productId: string): Promise<boolean>;
  /**
   * Gives the identity its token, once until it is reset. `unknown`: no such identity and provisioning is closed;
   * `conflict`: activated already; `invalid`: not an admissible identity.
   */
  activate(
    ref: DeviceRef,
    origin: Origin,
  ): Promise<{ outcome: "activated"; token: string } | { outcome: "unknown" | "conflict" | "invalid" }>;
  /** Undefined for a token that is unknown, replaced or revoked, or whose device is gone. */
  authenticate(token: string, ip?: string): Promise<DeviceCredential | undefined>;
  /**
   * Makes this connection the device's only lasting one: what is done under the credential of an older one throws
   * UNAUTHORIZED from here on, in every process. UNAUTHORIZED when the credential itself has ended.
   */
  openSession(credential: DeviceCredential): Promise<DeviceCredential>;
  /** The connection of this credential has ended. */
  closeSession(credential: DeviceCredential): void;
  /**
   * Stores what a device wrote, entry by entry in the order of their stamps, and hands it to the event handlers:
   * on return all of it is stored. UNAUTHORIZED when the credential has ended, TOO_LARGE for a value over 1 MiB.
   */
  write(credential: DeviceCredential, entries: readonly DeviceEntry[], origin: Origin): Promise<void>;
  /**
   * The present values of those of the resources that have one. Reading `config_otau` is its delivery: it is
   * committed before this returns.
   */
  read(credential: DeviceCredential, aliases: readonly string[]): Promise<ReadonlyMap<string, ResourceValue>>;
  /**
   * Stamps of all that was set for the device and that it has not written itself since, without delivering anything:
   * `config_otau` and every other resource.
   */
  pending(credential: DeviceCredential): Promise<ReadonlyMap<string, PeekedValue>>;
  /** Stamps of the present values, without delivering anything. */
  peek(credential: DeviceCredential, aliases: readonly string[]): Promise<ReadonlyMap<string, PeekedValue>>;
  /** Ids of the content items of the device's product, in order. */
  listContent(credential: DeviceCredential): Promise<readonly string[]>;
  /** An item of the device's product; undefined where there is none. */
  findContent(credential: DeviceCredential, id: string): Promise<DeviceContent | undefined>;
  /** The item that a signed link stands for; the link is its own credential. */
  followLink(link: SignedLink): Promise<FollowedLink>;
  /**
   * Calls the listener when a value may have been set for the device (a hint: it may be false, and it may be lost, so
   * compare every 30 s as well). Holds no connection of its own.
   */
  watch(ref: DeviceRef, listener: () => void): Promise<() => void>;
  /** The device was heard from. */
  touch(ref: DeviceRef): void;
  /** A device listener is up: called every 500 ms while one is. */
  beat(): Promise<void>;
};
