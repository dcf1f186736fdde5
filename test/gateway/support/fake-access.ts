import { createHash, randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { OtauError } from "../../../modules/errors.ts";
import type {
  DeviceAccess,
  DeviceContent,
  DeviceCredential,
  DeviceEntry,
  Origin,
} from "../../../modules/usecases/device-access.ts";
import type { DeviceRef } from "../../../modules/usecases/ports.ts";

type Stored = { value: string; timestampUs: number; delivered: boolean; isOwn?: boolean };

/** A device API's other side, kept in memory: what protocol tests look at. */
export type FakeAccess = DeviceAccess & {
  readonly written: { readonly identity: string; readonly entry: DeviceEntry; readonly origin: Origin }[];
  /** Each read that handed values over: identity and aliases. */
  readonly reads: { readonly identity: string; readonly aliases: readonly string[] }[];
  beats: number;
  /** Number of listeners now. */
  readonly watchers: () => number;
  addProduct(productId: string): void;
  /** Makes a device with this token (or none) in a product. */
  addDevice(identity: string, token?: string, productId?: string): void;
  /** Sets a value as the cloud does. */
  set(identity: string, alias: string, value: string, timestampUs: number, options?: { hint: boolean }): void;
  /** Puts an item into the content area. */
  addContent(id: string, bytes: Buffer, item?: Partial<Pick<DeviceContent, "type" | "tags">>): void;
  revoke(token: string): void;
  /** While true every call fails as if the store were away. */
  isAway: boolean;
  /** Delays each write until the returned function is called. */
  holdWrites(): () => void;
  /** Writes that have begun and not ended. */
  readonly pendingWrites: () => number;
};

export function createFakeAccess(): FakeAccess {
  const products = new Set(["default"]);
  const tokens = new Map<string, DeviceRef>();
  const devices = new Map<string, Map<string, Stored>>();
  const activated = new Set<string>();
  const listeners = new Map<string, Set<() => void>>();
  const contents = new Map<string, DeviceContent>();
  let writeGate: Promise<void> = Promise.resolve();
  let ownStampUs = 0;
  let pendingWrites = 0;
  const sessions = new Map<string, string>();
  const keyOf = (ref: DeviceRef): string => `${ref.productId}/${ref.identity}`;

  const checkStore = (): void => {
    if (fake.isAway) throw new OtauError("STORE_UNAVAILABLE", "The store is away.", { retryAfterSeconds: 2 });
  };
  const stateOf = (credential: DeviceCredential): Map<string, Stored> => {
    checkStore();
    const isValid = [...tokens].some(
      ([token, ref]) => keyOf(ref) === keyOf(credential.ref) && prefix(token) === credential.tokenPrefix,
    );
    const state = devices.get(keyOf(credential.ref));
    const session = sessions.get(keyOf(credential.ref));
    const isOver = credential.session !== undefined && credential.session !== session;
    if (!isValid || isOver || state === undefined)
      throw new OtauError("UNAUTHORIZED", "The token has ended.");
    return state;
  };
  const hint = (key: string): void => {
    for (const listener of listeners.get(key) ?? []) listener();
  };

  const fake: FakeAccess = {
    written: [],
    reads: [],
    beats: 0,
    isAway: false,
    watchers: () => [...listeners.values()].reduce((sum, set) => sum + set.size, 0),
    addProduct: (productId) => void products.add(productId),
    addDevice(identity, token, productId = "default") {
      products.add(productId);
      devices.set(`${productId}/${identity}`, new Map());
      if (token !== undefined) tokens.set(token, { productId, identity });
    },
    set(identity, alias, value, timestampUs, options) {
      const key = `default/${identity}`;
      devices.get(key)?.set(alias, { value, timestampUs, delivered: false });
      if (options?.hint !== false) hint(key);
    },
    addContent(id, bytes, { type = "application/octet-stream", tags = {} } = {}) {
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      contents.set(id, {
        type,
        tags,
        length: bytes.length,
        sha256,
        lastModified: 1_700_000_000_999,
        open: async (range) =>
          Readable.from([range ? bytes.subarray(range.start, range.end + 1) : bytes], { objectMode: false }),
      });
    },
    revoke(token) {
      const ref = tokens.get(token);
      tokens.delete(token);
      if (ref !== undefined) hint(keyOf(ref));
    },
    holdWrites() {
      let open = (): void => {};
      writeGate = new Promise((resolve) => (open = resolve));
      return () => open();
    },
    pendingWrites: () => pendingWrites,
    async productExists(productId) {
      checkStore();
      return products.has(productId);
    },
    async activate(ref) {
      checkStore();
      if (!/^[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}$/.test(ref.identity)) return { outcome: "invalid" };
      if (!devices.has(keyOf(ref))) return { outcome: "unknown" };
      if (activated.has(keyOf(ref))) return { outcome: "conflict" };
      activated.add(keyOf(ref));
      const token = createHash("sha1").update(keyOf(ref)).digest("hex");
      tokens.set(token, ref);
      return { outcome: "activated", token };
    },
    async authenticate(token) {
      checkStore();
      const ref = tokens.get(token);
      return ref === undefined ? undefined : { ref, tokenPrefix: prefix(token) };
    },
    async openSession(credential) {
      stateOf(credential);
      const session = randomUUID();
      sessions.set(keyOf(credential.ref), session);
      hint(keyOf(credential.ref));
      return { ...credential, session };
    },
    closeSession({ ref, session }) {
      if (sessions.get(keyOf(ref)) === session) sessions.delete(keyOf(ref));
    },
    async write(credential, entries, origin) {
      const state = stateOf(credential);
      pendingWrites++;
      await writeGate;
      pendingWrites--;
      checkStore();
      for (const entry of entries) {
        fake.written.push({ identity: credential.ref.identity, entry, origin });
        for (const [alias, value] of Object.entries(entry.values)) {
          if (alias === "config_otau" || alias === "otau_in") continue;
          ownStampUs =
            Math.max(ownStampUs, ...[...state.values()].map((stored) => stored.timestampUs)) + 300_000;
          state.set(alias, { value: String(value), timestampUs: ownStampUs, delivered: true, isOwn: true });
        }
      }
      hint(keyOf(credential.ref));
    },
    async read(credential, aliases) {
      const state = stateOf(credential);
      const found = aliases.flatMap((alias) => {
        const stored = state.get(alias);
        return stored === undefined ? [] : [[alias, stored] as const];
      });
      for (const [, stored] of found) stored.delivered = true;
      if (found.length > 0) {
        fake.reads.push({ identity: credential.ref.identity, aliases: found.map(([alias]) => alias) });
      }
      return new Map(found.map(([alias, { value, timestampUs }]) => [alias, { value, timestampUs }]));
    },
    async pending(credential) {
      const set = [...stateOf(credential)].filter(([, { isOwn }]) => isOwn !== true);
      return new Map(
        set.map(([alias, { timestampUs, delivered }]) => [alias, { timestampUs, delivered }] as const),
      );
    },
    async peek(credential, aliases) {
      const state = stateOf(credential);
      return new Map(
        aliases.flatMap((alias) => {
          const stored = state.get(alias);
          if (stored === undefined) return [];
          return [[alias, { timestampUs: stored.timestampUs, delivered: stored.delivered }] as const];
        }),
      );
    },
    async listContent(credential) {
      stateOf(credential);
      return [...contents.keys()];
    },
    async findContent(credential, id) {
      stateOf(credential);
      return contents.get(id);
    },
    async followLink({ id, expires, signature }) {
      checkStore();
      if (signature !== "good") return { outcome: "forged" };
      if (expires === "1") return { outcome: "expired" };
      const content = contents.get(id);
      return content === undefined ? { outcome: "gone" } : { outcome: "found", content };
    },
    async watch(ref, listener) {
      const own = listeners.get(keyOf(ref)) ?? new Set();
      listeners.set(keyOf(ref), own);
      own.add(listener);
      return () => void own.delete(listener);
    },
    touch() {},
    async beat() {
      checkStore();
      fake.beats++;
    },
  };
  return fake;
}

const prefix = (token: string): string => createHash("sha256").update(token).digest("hex").slice(0, 16);
