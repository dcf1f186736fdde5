import type { Readable } from "node:stream";
import type { ChainPoint } from "../otau/journal-chain.ts";
import type {
  Deployment,
  Device,
  HistoryFold,
  HistoryLine,
  JournalEvent,
  Ms,
  Outage,
  Update,
} from "../otau/model.ts";
import type { PaceSample } from "../otau/pace.ts";
import type { Gate, GateFigures, Outcomes } from "../otau/rollout-gate.ts";
import type { Place, Wave } from "../otau/rollout-waves.ts";
import type { Window } from "../otau/rollout-windows.ts";
import type { Actor, DeploymentState, UpdateState } from "../otau/vocabulary.ts";

/** Names one device. */
export type DeviceRef = { readonly productId: string; readonly identity: string };

/** A deployment as stored: the domain's facts, what the API shows beside them, and its fence. */
export type DeploymentRecord = Deployment & {
  /** Text of `otau_info` as applied (its tag's decoded JSON text). */
  readonly otauInfoText: string;
  readonly name: string;
  readonly packageRevision: number;
  /** Of the record itself; shown as ETag. */
  readonly revision: number;
  /** Rises with each change that a device's decision could depend on; every shard keeps it as a fence. */
  readonly generation: number;
  readonly createdBy: string;
  readonly startAt?: Ms;
  /** Since when it is in its state; absent = since it was created. */
  readonly stateSince?: Ms;
  readonly ratePerMinute?: number;
  readonly reason?: "GATE";
  readonly endedAt?: Ms;
  /** Devices named by the apply; `total` reaches it when membership is stored. */
  readonly expectedTotal: number;
  /** Membership is still being stored. */
  readonly resolving: boolean;
  /** A cancel or withdrawal whose updates have yet to follow, in chunks. */
  readonly sweeping?: {
    readonly reason: "CANCELED" | "WITHDRAWN" | "GATE";
    readonly onlyIn?: readonly UpdateState[];
  };
  /** The apply's options as given, for display. */
  readonly options: unknown;
  /** Absent: all members form one wave. */
  readonly waves?: readonly Wave[];
  /** Share of a wave's updates that must be final before the next one; absent = all of them. */
  readonly advancePercent?: number;
  /** Absent: it may write at any time. */
  readonly windows?: readonly Window[];
  /** `wave`: each wave but the first is opened by an operator. */
  readonly approval?: "wave";
  /** Number of the open wave; absent = the first. */
  readonly openWave?: number;
  readonly waveOpenedAt?: Ms;
  /** The open wave is done, and the next one waits for an operator since. */
  readonly wantsApproval?: Ms;
  readonly gate?: Gate;
  /** Rises with each resume of a halted one: what ended before counts no more; absent = 1. */
  readonly gateEpoch?: number;
  readonly gateSince?: Ms;
  /** What the gate counted when it tripped. */
  readonly gateFigures?: GateFigures;
  /** Whom the apply means, where it named no devices. */
  readonly target?: DeviceFilter;
  /** Devices that come to match the target are taken in. */
  readonly joining?: true;
  /** An operator's retry is opening its updates again since: until they are, no wave counts as done. */
  readonly reopening?: Ms;
  /** What the product's brake had counted at the last resume: it is accepted. */
  readonly brakeFrom?: Pick<GateFigures, "counted" | "failed">;
  /** `expiresAt` was changed, and members have yet to be due by it, in chunks. */
  readonly redating?: true;
};

/** How far a deployment's open wave is, and how its updates ended since its start or last resume. */
export type RolloutProgress = {
  readonly waveMembers: number;
  readonly waveFinals: number;
  readonly outcomes: Outcomes;
};

/** Members of a deployment by state, with their sum. */
export type Totals = Readonly<Record<UpdateState | "total", number>>;

/** What is kept of a device beside the domain's aggregate. */
export type DeviceExtras = {
  readonly lastSeenAt?: Ms;
  /** First 16 hex characters of the SHA-256 of the valid device token; absent: no credential is valid. */
  readonly tokenPrefix?: string;
  readonly activatedAt?: Ms;
  /** The lasting connection that counts; what an older one wants is refused. */
  readonly session?: string;
};

export type LoadedDevice = {
  /** The store's clock at the read. */
  readonly now: Ms;
  readonly device: Device;
  readonly extras: DeviceExtras;
  /** Deployments of all updates in `device.updates`, by id. */
  readonly deployments: ReadonlyMap<string, DeploymentRecord>;
};

/** One device's change: all of it is stored, or nothing. */
export type DeviceChange = {
  readonly before: Device;
  /**
   * The next state; `undefined` deletes the device (a tombstone with its revision and history stays). All its
   * updates are final by then, and the totals of their deployments keep counting them.
   */
  readonly after: Device | undefined;
  readonly lines: readonly HistoryLine[];
  readonly folds: readonly HistoryFold[];
  readonly events: readonly JournalEvent[];
  /** When `tick` is due next; `undefined` = never. */
  readonly dueAt: Ms | undefined;
  /** Deployments the decision depended on, with the generation it knew. */
  readonly fences: readonly { readonly deploymentId: string; readonly generation: number }[];
  /** The device was heard from at this time. */
  readonly seenAt?: Ms;
  /** New credential (see DeviceExtras); `null` ends it. */
  readonly tokenPrefix?: string | null;
  /** `null`: it may activate again. */
  readonly activatedAt?: Ms | null;
  /** A new lasting connection; `null`: it has ended. */
  readonly session?: string | null;
  /** Gateways are told that a value may wait. */
  readonly notify: boolean;
};

/**
 * `done`: stored (also when an earlier sending of the same commit got through). `stale`: the device changed
 * meanwhile. `fenced`: one of the deployments changed. `gone`: the device no longer exists.
 */
export type CommitResult = "done" | "stale" | "fenced" | "gone";

export type NewDevice = {
  readonly identity: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly installedVersion?: string;
};

export type DeviceFilter = {
  readonly updateState?: readonly (UpdateState | "none")[];
  readonly installedVersion?: readonly string[];
  /** Per tag name the admissible values. */
  readonly tags?: Readonly<Record<string, readonly string[]>>;
  readonly drifted?: boolean;
  readonly online?: boolean;
  readonly seenBefore?: Ms;
  /** Prefix of the identity, case-insensitive. */
  readonly q?: string;
};

/** One resource of a device (Murano getIdentityState): microsecond stamp, what we set, what it reported. */
export type ResourceState = {
  readonly timestamp: number;
  readonly set?: unknown;
  readonly reported?: unknown;
};

/** Members of one shard, in ordinal order. */
export type MemberPage = {
  readonly refs: readonly DeviceRef[];
  /** Where to go on; absent at the end. */
  readonly next?: number;
};

/** Devices: the aggregate, its indexes and its history. All writes are atomic per device. */
export type DeviceStore = {
  readonly shardCount: number;
  /** The store's clock. */
  now(): Promise<Ms>;
  load(ref: DeviceRef, options?: { past?: boolean }): Promise<LoadedDevice | undefined>;
  /** One entry per ref, in order. Any number of refs; read in batches. */
  loadMany(refs: readonly DeviceRef[], options?: { past?: boolean }): Promise<(LoadedDevice | undefined)[]>;
  /** Results in order. Changes of one device must not stand twice in one call. */
  commitMany(changes: readonly DeviceChange[]): Promise<CommitResult[]>;

  /** Which of the identities do not exist. */
  unknown(productId: string, identities: readonly string[]): Promise<string[]>;
  /** Creates what does not exist; existing ones are left alone and named. */
  create(
    productId: string,
    devices: readonly NewDevice[],
    actor: Actor,
  ): Promise<{ created: string[]; existing: string[] }>;

  /**
   * Stores membership: each device's waiting update of this deployment. Idempotent. Unknown devices are skipped;
   * `enrolled` counts all that are members now. `dueAt`: when a `tick` of each is due (the deployment's `expiresAt`).
   */
  enrol(
    deploymentId: string,
    productId: string,
    identities: readonly string[],
    dueAt?: Ms,
  ): Promise<{ enrolled: number }>;
  /** Removes a prepared, never accepted deployment from the devices and counters of all shards. */
  unenrol(deploymentId: string, productId: string): Promise<void>;
  /**
   * Writes the deployment's generation into every shard: from then on older decisions are refused. Marks it as one
   * to look after.
   */
  fence(deploymentId: string, productId: string, generation: number): Promise<void>;
  totals(deploymentId: string): Promise<Totals>;
  totalsMany(deploymentIds: readonly string[]): Promise<Totals[]>;
  /** Slots of `maxConcurrent` that are held. */
  slotsHeld(deploymentId: string): Promise<number>;
  /** Where a device stands among the members of its deployments. */
  placeOf(device: Pick<Device, "uid">): Place | undefined;
  /** How far the rollout is: all figures of a shard are of one moment. */
  rollout(record: DeploymentRecord): Promise<RolloutProgress>;
  /** Per shard a bitmap of the deployment's members over their ordinals, the first in the highest bit. */
  memberBits(deploymentId: string): Promise<readonly Uint8Array[]>;
  /**
   * Keeps who a target means now, and marks the deployment as one to look after: members are stored from it in
   * chunks. Answers a bitmap per shard.
   */
  freezeTarget(deploymentId: string, productId: string, filter: DeviceFilter): Promise<readonly Uint8Array[]>;
  /** Devices of a frozen target, one shard, by ordinal. */
  frozenMembers(
    deploymentId: string,
    productId: string,
    shard: number,
    from: number,
    limit: number,
  ): Promise<MemberPage>;
  dropTarget(deploymentId: string): Promise<void>;
  /** Devices that match and are no members, at most `limit` of each shard. */
  joinable(deploymentId: string, productId: string, filter: DeviceFilter, limit: number): Promise<string[]>;
  /** Updates the releaser may judge; `until` = the first ordinal that is left out. */
  readyMembers(
    deploymentId: string,
    productId: string,
    shard: number,
    from: number,
    limit: number,
    until?: number,
  ): Promise<MemberPage>;
  /** Members in any of the states (all when absent), one shard, by ordinal. */
  members(
    deploymentId: string,
    productId: string,
    shard: number,
    from: number,
    limit: number,
    states?: readonly UpdateState[],
  ): Promise<MemberPage>;
  /** Members by identity, over all shards, after the given identity. */
  membersByIdentity(
    deploymentId: string,
    productId: string,
    options: { states?: readonly UpdateState[]; after?: string; limit: number },
  ): Promise<{ refs: DeviceRef[]; next?: string }>;
  /**
   * Deployments to look after: their totals or ready updates changed, or they were fenced, since they were last
   * settled; with a mark to settle them by.
   */
  dirtyDeployments(
    shard: number,
    limit: number,
  ): Promise<{ deploymentId: string; productId: string; mark: string }[]>;
  /** Forgets the mark unless the deployment changed again. */
  settle(shard: number, productId: string, deploymentId: string, mark: string): Promise<void>;

  /** Devices with something due by the store's clock, earliest first; the claim removes nothing. */
  due(shard: number, limit: number): Promise<{ refs: DeviceRef[]; oldestDueAt?: Ms; now: Ms }>;
  /** Writes anew when devices are due (undefined = never by time alone), unless they changed since they were read. */
  setDue(entries: readonly { readonly device: Device; readonly dueAt: Ms | undefined }[]): Promise<void>;

  list(
    productId: string,
    filter: DeviceFilter,
    page: { after?: string; limit: number; past?: boolean },
  ): Promise<{ rows: LoadedDevice[]; next?: string }>;
  /** How many devices match; with `freeze` a target's members are read in chunks by `targetMembers`. */
  count(productId: string, filter: DeviceFilter): Promise<number>;
  targetMembers(
    productId: string,
    filter: DeviceFilter,
    after: string | undefined,
    limit: number,
  ): Promise<{ identities: string[]; next?: string }>;
  summary(productId: string): Promise<DeviceSummary>;
  isEmpty(productId: string): Promise<boolean>;

  /** History lines oldest first (or newest first); also of a deleted device for the retention time. */
  history(
    ref: DeviceRef,
    page: { after?: number; limit: number; order: "asc" | "desc" },
  ): Promise<{ lines: HistoryLine[]; uid: string; next?: number } | undefined>;

  /** All resources but `config_otau`'s `set`, which follows from the aggregate. Absent device: undefined. */
  readResources(ref: DeviceRef): Promise<Record<string, ResourceState> | undefined>;
  /**
   * A device's write sets `set` and `reported`, ours only `set`; of `config_otau` only `reported` is kept here.
   * False when the device does not exist.
   */
  writeResources(
    ref: DeviceRef,
    values: Readonly<Record<string, unknown>>,
    by: "device" | "cloud",
    timestampUs: number,
  ): Promise<boolean>;
  /** Notes that the device was heard from; cheap, coalesced. */
  touch(ref: DeviceRef): Promise<void>;
  /** Walks a shard slowly and puts missing due members back; how many were missing. */
  repairDue(shard: number, from: number, limit: number): Promise<{ repaired: number; next?: number }>;
};

export type DeviceSummary = {
  readonly total: number;
  readonly byUpdateState: Readonly<Record<string, number>>;
  readonly byInstalledVersion: readonly { readonly version: string | null; readonly count: number }[];
  readonly drifted: number;
  readonly online: number;
  readonly seen: {
    readonly lastHour: number;
    readonly lastDay: number;
    readonly earlier: number;
    readonly never: number;
  };
};

/** Tells processes that a device may have a value waiting; a hint that may be lost. */
export type Hints = {
  subscribe(shard: number, listener: (ref: DeviceRef) => void): Promise<() => void>;
  shardOf(ref: DeviceRef): number;
};

/** Device tokens: digest → device. Validity is the token prefix in the device itself. */
export type DeviceTokens = {
  remember(digest: string, ref: DeviceRef): Promise<void>;
  find(digest: string): Promise<DeviceRef | undefined>;
};

export type ProductSettings = Readonly<Record<string, unknown>>;
export type ProductRecord = {
  readonly id: string;
  readonly settings: ProductSettings;
  readonly revision: number;
  readonly createdAt: Ms;
};

/** A precondition of a write, from If-Match and If-None-Match. */
export type Precondition = { readonly ifMatch?: number; readonly ifNoneMatch?: true };

export type ProductStore = {
  list(page: { after?: string; limit: number }): Promise<{ items: ProductRecord[]; next?: string }>;
  get(productId: string): Promise<ProductRecord | undefined>;
  /** REVISION_MISMATCH when the precondition does not hold. */
  put(
    productId: string,
    settings: ProductSettings,
    precondition: Precondition,
  ): Promise<{ record: ProductRecord; created: boolean }>;
  remove(productId: string, precondition: Precondition): Promise<boolean>;
  /** Ids of all products. */
  ids(): Promise<string[]>;
};

/** A content item; packages are items whose id starts with `package_` and holds no slash. */
export type ContentRecord = {
  readonly productId: string;
  readonly id: string;
  readonly type: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly length: number;
  /** Of the bytes, hex. */
  readonly sha256: string;
  readonly createdAt: Ms;
  readonly lastModified: Ms;
  readonly revision: number;
  /** Order of creation. */
  readonly seq: number;
  readonly withdrawn?: { readonly reason: string; readonly at: Ms };
};

export type ContentStore = {
  get(productId: string, id: string): Promise<ContentRecord | undefined>;
  /** By id, after the given one, with the prefix. */
  list(
    productId: string,
    options: { prefix?: string; after?: string; limit: number },
  ): Promise<{ items: ContentRecord[]; next?: string }>;
  /** Packages, newest first; `before` is the last seen `seq`. */
  listPackages(
    productId: string,
    options: { before?: number; limit: number },
  ): Promise<{ items: ContentRecord[]; next?: number }>;
  /**
   * Creates or replaces. The same tags, type and bytes change nothing (`unchanged`). PACKAGE_IN_USE while an open
   * deployment refers to the package and it would change; REVISION_MISMATCH by the precondition.
   */
  put(
    productId: string,
    item: {
      id: string;
      type: string;
      tags: Readonly<Record<string, string>>;
      length: number;
      sha256: string;
    },
    precondition: Precondition,
    actor: Actor,
  ): Promise<{ record: ContentRecord; outcome: "created" | "replaced" | "unchanged" }>;
  /** False when there was none. PACKAGE_IN_USE, REVISION_MISMATCH as above. */
  remove(productId: string, id: string, precondition: Precondition, actor: Actor): Promise<boolean>;
  /** Also raises the generation of the package's open deployments: the caller fences them in the shards. */
  setWithdrawn(
    productId: string,
    id: string,
    withdrawn: { reason: string } | undefined,
    actor: Actor,
  ): Promise<
    { record: ContentRecord; fenced: readonly { deploymentId: string; generation: number }[] } | undefined
  >;
  /** Which of the packages have deployments with updates that are not final; one call for a whole page. */
  packagesInUse(productId: string, packageIds: readonly string[]): Promise<ReadonlySet<string>>;
  /** Deployments with updates that are not final, per package. */
  openDeployments(productId: string, packageId: string): Promise<string[]>;
  isEmpty(productId: string): Promise<boolean>;
};

/** Bytes of content, by their SHA-256. */
export type BlobStore = {
  /** Streams to a temporary file, fsyncs, renames; a broken stream leaves nothing. */
  write(bytes: Readable, options?: { maxBytes?: number }): Promise<{ sha256: string; length: number }>;
  read(sha256: string, range?: { start: number; end: number }): Promise<Readable | undefined>;
};

/** A deployment before it is accepted: no seq, revision or generation yet. */
export type DeploymentDraft = Omit<DeploymentRecord, "seq" | "revision" | "generation" | "withdrawn">;

/** What may change of a deployment; `null` takes a field away. */
export type DeploymentChange = {
  readonly [Field in
    | "state"
    | "reason"
    | "endedAt"
    | "resolving"
    | "sweeping"
    | "expiresAt"
    | "maxConcurrent"
    | "ratePerMinute"
    | "expectedTotal"
    | "openWave"
    | "waveOpenedAt"
    | "wantsApproval"
    | "gate"
    | "gateEpoch"
    | "gateSince"
    | "gateFigures"
    | "brakeFrom"
    | "joining"
    | "reopening"
    | "redating"]?: Exclude<DeploymentRecord[Field], undefined> | null;
};

export type DeploymentStore = {
  /** Undefined for a deployment that was prepared and never accepted. Served from a cache that fences keep honest. */
  get(productId: string, deploymentId: string): Promise<DeploymentRecord | undefined>;
  getMany(productId: string, deploymentIds: readonly string[]): Promise<Map<string, DeploymentRecord>>;
  /** Past the cache. */
  refresh(productId: string, deploymentId: string): Promise<DeploymentRecord | undefined>;
  /** Notes that a deployment is being prepared, so that upkeep can drop it if it is never accepted. */
  prepare(productId: string, deploymentId: string): Promise<void>;
  prepared(productId: string, olderThanMs: number): Promise<string[]>;
  dropPrepared(productId: string, deploymentId: string): Promise<void>;
  /**
   * The commit point of an apply: gives it its seq, stores it, its place in the indexes, the journal line and the
   * idempotency answer in one script. Fails with PACKAGE_WITHDRAWN or NOT_FOUND when the package is no longer the
   * one that was read. Repeating it with the same id answers the stored record.
   */
  accept(
    draft: DeploymentDraft,
    idempotency:
      | {
          readonly record: string;
          readonly digest: string;
          readonly reply: (record: DeploymentRecord) => string;
        }
      | undefined,
    actor: Actor,
  ): Promise<DeploymentRecord>;
  list(
    productId: string,
    options: { states?: readonly DeploymentState[]; packageId?: string; before?: number; limit: number },
  ): Promise<{ items: DeploymentRecord[]; next?: number }>;
  /**
   * Changes the record if it is still at `revision`; a new `generation` is given when `fenced`. The journal gets
   * `deployment.changed` in the same script. Undefined: it changed meanwhile.
   */
  update(
    record: DeploymentRecord,
    change: DeploymentChange,
    options: { fenced: boolean; actor: Actor },
  ): Promise<DeploymentRecord | undefined>;
  /** Deployments that have not ended: all but those that are `finished`, or `canceled` with an `endedAt`. */
  open(productId: string): Promise<string[]>;
  /** Places in the deployment's rate for up to `want` writes at `at`, which is now; and when the next one comes free. */
  takeRate(
    productId: string,
    deploymentId: string,
    ratePerMinute: number,
    want: number,
  ): Promise<{ granted: number; nextAt: Ms; at: Ms }>;
};

/** A lease with a rising fence: whoever holds it is the only one, until it runs out. */
export type Leases = {
  acquire(name: string, holder: string, ttlMs: number): Promise<{ fence: number } | undefined>;
  renew(name: string, holder: string, ttlMs: number): Promise<boolean>;
  release(name: string, holder: string): Promise<void>;
};

/** Answers kept under an idempotency key for 24 hours. `scope` holds the caller, the route and its product. */
export type IdempotencyStore = {
  begin(
    productId: string | undefined,
    record: string,
    digest: string,
    freshId: string,
  ): Promise<
    | { readonly outcome: "run"; readonly id: string }
    | { readonly outcome: "replay"; readonly reply: string }
    | { readonly outcome: "inProgress" }
    | { readonly outcome: "reused" }
  >;
  finish(productId: string | undefined, record: string, digest: string, reply: string): Promise<void>;
  abandon(productId: string | undefined, record: string): Promise<void>;
};

export const roles = ["viewer", "operator", "publisher", "platform", "admin"] as const;
export type Role = (typeof roles)[number];
export type AppTokenRecord = {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly products: readonly string[];
  readonly createdAt: Ms;
  readonly expiresAt?: Ms;
  readonly revision: number;
};
export type AppTokenStore = {
  list(page: { after?: string; limit: number }): Promise<{ items: AppTokenRecord[]; next?: string }>;
  get(id: string): Promise<AppTokenRecord | undefined>;
  create(token: Omit<AppTokenRecord, "createdAt" | "revision">, digest: string): Promise<AppTokenRecord>;
  /** The old secret ends at once. */
  rotate(id: string, digest: string): Promise<AppTokenRecord | undefined>;
  remove(id: string): Promise<boolean>;
  findByDigest(digest: string): Promise<AppTokenRecord | undefined>;
};

/** Time in which deadlines could not be kept: heartbeats of the device listeners tell. */
export type OutageStore = {
  /** A device listener is up now. Records an outage when the last beat is too old. */
  beat(): Promise<void>;
  /** Recent outages, an ongoing one included. */
  outages(): Promise<Outage[]>;
  /** Records one that was seen otherwise: the store's clock leapt. */
  record(outage: Outage): Promise<void>;
};

/** The product journal (contract 8), fed by the relay. */
export type JournalLine = {
  readonly id: string;
  readonly at: string;
  readonly productId: string;
  readonly type: string;
  readonly seq: number;
  readonly [field: string]: unknown;
};
export type Journal = {
  read(productId: string, after: string | undefined, limit: number): Promise<JournalLine[]>;
  /** The same as the exact texts that are chained, from the line after that number. */
  texts(productId: string, after: number, limit: number): Promise<string[]>;
  /** Exact texts of the lines before that number, newest first. */
  textsBefore(productId: string, before: number, limit: number): Promise<string[]>;
  /** Number of the newest line; 0 when there is none. */
  newest(productId: string): Promise<number>;
  /** Number of the oldest line that is kept in the store; 0 when there is none. */
  oldest(productId: string): Promise<number>;
  /** Moves log lines of one shard into the journal, exactly once; how many were moved. */
  relay(productId: string, shard: number): Promise<number>;
  /** Lines written to shard logs and not yet relayed. */
  backlog(): Promise<number>;
};

/** A row of the whole journal: a line's exact text, or a point that its chain must pass through. */
export type JournalRow =
  | { readonly kind: "line"; readonly text: string }
  | { readonly kind: "begin" | "point" | "end"; readonly point: ChainPoint };

/** The whole journal, wherever its lines are: in the store, or in files of the data folder. */
export type JournalArchive = Pick<Journal, "texts" | "textsBefore" | "newest"> & {
  /** Moves lines beyond those that stay in the store into files; how many. */
  archive(productId: string): Promise<number>;
  /** Deletes files that are too old, unless lines from that number on are still needed. */
  retain(productId: string, neededFrom: number, nowMs: number): Promise<void>;
  rows(productId: string): AsyncIterable<JournalRow>;
};

/** How many of a deployment's updates were final at times of the last minutes, oldest first. */
export type ReadPace = (productId: string, deploymentId: string) => Promise<readonly PaceSample[]>;

/**
 * Writes a deployment's totals into the journal. `same`: they are what was told last; `early`: the last line is less
 * than a second old, tell again later.
 */
export type TellTotals = (
  record: Pick<DeploymentRecord, "productId" | "id" | "packageId" | "version" | "revision">,
  totals: Totals,
) => Promise<"told" | "same" | "early">;

/** Who is told of a product's events over HTTP. */
export type WebhookRecord = {
  readonly id: string;
  readonly productId: string;
  readonly url: string;
  /** Event types; absent = all. */
  readonly types?: readonly string[];
  readonly deploymentId?: string;
  /** `whsec_<base64>`; never shown again, never logged. */
  readonly secret: string;
  readonly createdAt: Ms;
  readonly createdBy: string;
  readonly revision: number;
};
/** The delivery that is being repeated; what comes after it waits. */
export type WebhookHead = {
  readonly number: number;
  readonly attempts: number;
  /** Since when it is due; a day later it is given up. */
  readonly dueAt: Ms;
  readonly lastAt: Ms;
  readonly nextAt: Ms;
  readonly status?: number;
  readonly error?: string;
};
/** A delivery that is over. */
export type Delivery = {
  /** Number of the journal line, whose text is the body. */
  readonly number: number;
  readonly type: string;
  readonly state: "delivered" | "dead";
  readonly attempts: number;
  readonly dueAt: Ms;
  readonly lastAt: Ms;
  readonly status?: number;
  readonly error?: string;
  /** Of a dead one the body, as it may outlive the line. */
  readonly text?: string;
};
/** Webhooks and how far each has come; what is done to one that was deleted meanwhile does nothing. */
export type WebhookStore = {
  /** Products that may have webhooks. */
  products(): Promise<string[]>;
  /** Oldest first. */
  list(productId: string): Promise<WebhookRecord[]>;
  get(productId: string, id: string): Promise<WebhookRecord | undefined>;
  /** False when the product has `most` already. `position`: number of the last line it is not told. */
  create(record: WebhookRecord, position: number, most: number): Promise<boolean>;
  /** False when it is no longer `before`. */
  replace(before: WebhookRecord, after: WebhookRecord): Promise<boolean>;
  remove(productId: string, id: string): Promise<boolean>;
  /** `position`: the last line that is done with; `replay`: the first one that is to be sent once more. */
  progress(
    productId: string,
    id: string,
  ): Promise<{ readonly position: number; readonly head?: WebhookHead; readonly replay?: number }>;
  settle(webhook: WebhookRecord, delivery: Delivery): Promise<boolean>;
  /** Lines up to this one are done with. */
  pass(webhook: WebhookRecord, position: number): Promise<boolean>;
  keepHead(webhook: WebhookRecord, head: WebhookHead): Promise<void>;
  delivery(productId: string, id: string, number: number): Promise<Delivery | undefined>;
  /** By number, after the given one. */
  deliveries(
    productId: string,
    id: string,
    state: Delivery["state"],
    page: { readonly after?: number; readonly limit: number },
  ): Promise<Delivery[]>;
  /** Dead ones that are to be sent again, all when no numbers are given; how many. */
  replay(productId: string, id: string, numbers?: readonly number[]): Promise<number>;
};

/** Posts signed JSON (Standard Webhooks); never throws. */
export type SendSigned = (message: {
  readonly url: string;
  readonly secret: string;
  readonly id: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}) => Promise<SendResult>;
/** `status` of the answer, or why there is none. */
export type SendResult = {
  readonly status?: number;
  readonly error?: string;
  readonly retryAfterMs?: number;
};

/** A value that an outside platform is to be given. */
export type OwedValue = { readonly ref: DeviceRef; readonly timestampUs: number };

/** The call it is given by; `failures` so far. */
export type ConnectorCall = OwedValue & { readonly failures: number };

/** Calls to make: kept in the store, so that they outlive whoever wanted to make them. */
export type ConnectorCalls = {
  /**
   * Notes that these values are owed a call after the delay. With `onlyMissing` a device that has a call noted keeps
   * that one.
   */
  expect(
    values: readonly OwedValue[],
    delayMs: number,
    options?: { readonly onlyMissing?: boolean },
  ): Promise<void>;
  /** False while no call was ever noted. */
  any(): Promise<boolean>;
  /** Calls of a shard that are due; nobody else gets them for `leaseMs`. */
  claim(shard: number, limit: number, leaseMs: number): Promise<readonly ConnectorCall[]>;
  done(call: ConnectorCall): Promise<void>;
  postpone(call: ConnectorCall, failures: number, delayMs: number): Promise<void>;
};

/** Murano's Keystore: string values under keys, with expiry. */
export type KeyValueStore = {
  get(key: string): Promise<string | undefined>;
  mget(keys: readonly string[]): Promise<(string | undefined)[]>;
  set(key: string, value: string, ttlMs?: number): Promise<void>;
  delete(keys: readonly string[]): Promise<number>;
  list(match: string, cursor: string, count: number): Promise<{ keys: string[]; cursor: string }>;
  /** One Redis command by its Murano name on a key; throws a message for one that is not admitted. */
  command(key: string, command: string, args: readonly (string | number)[]): Promise<unknown>;
};

/** Wakes workers; every wake-up may be lost, doubled or late. */
export type AlarmClock = {
  /** Runs the named duty soon, on some worker. */
  wake(duty: Duty, subject?: string): void;
};
export type Duty = "sweep" | "conduct" | "relay" | "upkeep" | "timer" | "webhook";

/** Kept beside the update in lists across deployments. */
export type UpdateRow = {
  readonly device: Device;
  readonly update: Update;
  readonly deployment: DeploymentRecord;
};
