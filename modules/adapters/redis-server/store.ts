/** The rungs of the ladder, best first. */
export const rungs = ["external", "own", "trial"] as const;

/** One of {@link rungs}. */
export type Rung = (typeof rungs)[number];

/** How often an append-only file reaches the disk; the names are Redis' own. */
export const fsyncPolicies = ["always", "everysec", "no"] as const;

/** One of {@link fsyncPolicies}. */
export type FsyncPolicy = (typeof fsyncPolicies)[number];

/**
 * What an acknowledged write survives. Weaker than the fsync policies: `snapshots` (a dump now and then),
 * `none` (memory only). `unknown`: the server does not tell.
 */
export type Durability = FsyncPolicy | "snapshots" | "none" | "unknown";

/** Where clients connect. A cluster is named by one or more of its nodes. */
export type StoreAddress =
  | { readonly kind: "socket"; readonly socketPath: string }
  | { readonly kind: "url"; readonly urls: readonly [string, ...string[]]; readonly isCluster: boolean };

/** The end of the server process, as long as this program owns it. It is started again by itself. */
export type ServerExit = { readonly code: number | null; readonly signal: string | null };

/** An opened rung: a server that answered. */
export type Store = {
  readonly rung: Rung;
  readonly address: StoreAddress;
  readonly durability: Durability;
  /** One sentence for the start and for readiness: what it runs on and what may be lost. */
  readonly describe: () => string;
  /** False from the moment the server process ended until its successor answers. Of an external one always true. */
  readonly isUp: () => boolean;
  /** Called at each unexpected end of the server process; readiness goes red there. Never for an external one. */
  readonly onExit: (listener: (exit: ServerExit) => void) => void;
  /** Ends the server process in order and frees the data directory. Close every client first. */
  readonly close: () => Promise<void>;
};

/** The settings the ladder reads; the whole configuration fits. */
export type StoreSettings = {
  readonly redisUrl: string | undefined;
  /** Forces a rung. */
  readonly store: Rung | undefined;
  readonly durability: FsyncPolicy | undefined;
  readonly dataDir: string;
  readonly isProduction: boolean;
  /** Folder of a fetched server; `.otau/redis` of the project. */
  readonly fetchedRedisDir: string;
  /** The search path for installed programs. */
  readonly searchPath: string | undefined;
};
