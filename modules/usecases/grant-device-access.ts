import { OtauError } from "../errors.ts";
import { identitySchema } from "../otau/ids.ts";
import type { ConfigSet } from "../otau/model.ts";
import { normaliseStamp } from "../otau/stamps.ts";
import type { DeviceActions } from "./act-on-device.ts";
import type { ContentLinks } from "./content-links.ts";
import type { DeliverContent } from "./deliver-content.ts";
import type {
  DeviceAccess,
  DeviceCredential,
  DeviceEntry,
  Origin,
  PeekedValue,
  ResourceValue,
} from "./device-access.ts";
import { credentialText, holds } from "./device-credential.ts";
import { credentialEnded, makeDeviceSessions } from "./device-sessions.ts";
import { configSetOf } from "./device-state.ts";
import { readLastReport, reportAlias } from "./last-report.ts";
import type {
  DeviceRef,
  DeviceStore,
  DeviceTokens,
  Hints,
  LoadedDevice,
  OutageStore,
  ProductStore,
  ResourceState,
} from "./ports.ts";
import type { ProductSettingsOf } from "./product-settings.ts";
import { makeWatchers } from "./watch-devices.ts";

const valueBytesMax = 1_048_576;
const configAlias = "config_otau";

/** The event that device handlers get (Murano device2 `data_in`, `provisioned`). */
export type Device2Event = {
  readonly type: "data_in" | "provisioned";
  readonly productId: string;
  readonly identity: string;
  readonly ip?: string;
  readonly protocol?: string;
  readonly connection_id?: string;
  /** Microseconds. */
  readonly timestamp: number;
  readonly payload?: readonly {
    readonly timestamp?: number | string;
    readonly values: Readonly<Record<string, unknown>>;
  }[];
  /** What it came under, checked by the commit (see `credentialText`). */
  readonly credential?: string;
};

export type AccessDeps = {
  readonly devices: DeviceStore;
  readonly products: Pick<ProductStore, "get">;
  readonly tokens: DeviceTokens;
  readonly outages: OutageStore;
  readonly hints: Hints;
  readonly settingsOf: ProductSettingsOf;
  readonly act: DeviceActions["act"];
  readonly contentArea: DeliverContent;
  readonly render: ContentLinks["render"];
  /** Some characters that no other connection of the device has. */
  readonly newSession: () => string;
  /** 40 lower-case hex characters. */
  readonly newToken: () => string;
  /** SHA-256 in hex. */
  readonly digest: (text: string) => string;
  /** The store's clock as far as this process knows it; for what needs no exactness. */
  readonly roughNow: () => number;
  readonly failPoint: (name: string) => void;
  /** Hands an event to the solution's handlers; answers when it is stored. */
  readonly emit: (event: Device2Event) => Promise<unknown>;
  readonly log: { warn(fields: object, message: string): void };
};

const prefixOf = (digest: string) => digest.slice(0, 16);
const asText = (value: unknown): string =>
  typeof value === "string" ? value : (JSON.stringify(value) ?? "");

/** What the device listeners may do with the store, and nothing else. */
export function makeDeviceAccess(deps: AccessDeps): DeviceAccess {
  const { devices, tokens, act } = deps;
  const watchers = makeWatchers(deps.hints);

  async function provision(ref: DeviceRef): Promise<LoadedDevice | undefined> {
    const found = await devices.load(ref);
    if (found !== undefined) return found;
    const { provisioning } = await deps.settingsOf(ref.productId);
    if (provisioning?.open !== true) return undefined;
    await devices.create(ref.productId, [{ identity: ref.identity }], { kind: "device", id: ref.identity });
    return devices.load(ref);
  }

  async function loadUnder(credential: DeviceCredential): Promise<LoadedDevice> {
    const loaded = await devices.load(credential.ref);
    if (loaded === undefined || !holds(loaded.extras, credentialText(credential))) throw credentialEnded();
    return loaded;
  }

  const activate: DeviceAccess["activate"] = async (ref, origin) => {
    if (!identitySchema.safeParse(ref.identity).success) return { outcome: "invalid" };
    if ((await deps.products.get(ref.productId)) === undefined) return { outcome: "unknown" };
    const loaded = await provision(ref);
    if (loaded === undefined) return { outcome: "unknown" };
    const token = deps.newToken();
    const digest = deps.digest(token);
    await tokens.remember(digest, ref);
    const given = await giveFirstToken(ref, prefixOf(digest));
    if (!given) return { outcome: "conflict" };
    await deps.emit({ type: "provisioned", ...eventBase(ref, origin, loaded.now) });
    return { outcome: "activated", token };
  };

  /** Two activations at once: the commit lets one through, and the other finds the device activated. */
  async function giveFirstToken(ref: DeviceRef, tokenPrefix: string): Promise<boolean> {
    let given = false;
    const acted = await act(ref, () => [], {
      actor: { kind: "device", id: ref.identity },
      seen: true,
      extras: ({ now, extras }) => {
        given = extras.activatedAt === undefined;
        return given ? { tokenPrefix, activatedAt: now } : undefined;
      },
    });
    return acted !== undefined && given;
  }

  const write: DeviceAccess["write"] = async (credential, entries, origin) => {
    checkSizes(entries);
    const { ref } = credential;
    const others = entries.map(({ values: { [reportAlias]: _report, ...rest } }) => rest);
    const isReportAlone = others.every((rest) => Object.keys(rest).length === 0) && entries.length > 0;
    // A report's own commit checks the credential; reading the device for it twice would double its cost.
    const now = isReportAlone ? deps.roughNow() : (await loadUnder(credential)).now;
    for (const [index, rest] of others.entries()) {
      if (Object.keys(rest).length === 0) continue;
      const stampUs = Math.min(normaliseStamp(entries[index]?.timestamp)?.us ?? now * 1000, now * 1000);
      if (!(await devices.writeResources(ref, rest, "device", stampUs))) throw credentialEnded();
    }
    await deps.emit({
      type: "data_in",
      ...eventBase(ref, origin, now),
      credential: credentialText(credential),
      payload: entries.map((entry) => ({
        values: entry.values,
        ...(entry.timestamp === undefined ? {} : { timestamp: entry.timestamp }),
      })),
    });
  };

  /** The value that stands in `config_otau`; its delivery is stored before it is handed over. */
  async function deliverConfig(credential: DeviceCredential): Promise<ResourceValue | undefined> {
    let value: ResourceValue | undefined;
    const acted = await act(
      credential.ref,
      (loaded) => {
        const set = configSetOf(loaded, deps.render);
        value = set && { value: set.text, timestampUs: set.timestampUs };
        return set ? [{ type: "delivered", timestampUs: set.timestampUs }] : [];
      },
      { actor: { kind: "system", id: "gateway" }, credential: credentialText(credential), seen: true },
    );
    if (acted === undefined) throw credentialEnded();
    deps.failPoint("deliver:stored");
    return value;
  }

  const read: DeviceAccess["read"] = async (credential, aliases) => {
    const values = new Map<string, ResourceValue>();
    const others = aliases.filter((alias) => alias !== configAlias);
    if (aliases.includes(configAlias)) {
      const config = await deliverConfig(credential);
      if (config !== undefined) values.set(configAlias, config);
    } else {
      await loadUnder(credential);
    }
    if (others.length === 0) return values;
    const resources = (await devices.readResources(credential.ref)) ?? {};
    const report = others.includes(reportAlias) ? await readLastReport(devices, credential.ref) : undefined;
    if (report !== undefined) resources[reportAlias] = report;
    for (const alias of others) {
      const state = Object.hasOwn(resources, alias) ? resources[alias] : undefined;
      const value = state?.set ?? state?.reported;
      if (state !== undefined && value !== undefined) {
        values.set(alias, { value: asText(value), timestampUs: state.timestamp });
      }
    }
    return values;
  };

  const peek: DeviceAccess["peek"] = async (credential, aliases) => {
    const loaded = await loadUnder(credential);
    const peeked = new Map<string, PeekedValue>();
    const { configSet } = loaded.device;
    if (aliases.includes(configAlias) && configSet) peeked.set(configAlias, peekConfig(loaded, configSet));
    if (aliases.every((alias) => alias === configAlias)) return peeked;
    const resources = (await devices.readResources(credential.ref)) ?? {};
    for (const alias of aliases) {
      const state = Object.hasOwn(resources, alias) ? resources[alias] : undefined;
      if (alias !== configAlias && state) peeked.set(alias, { timestampUs: state.timestamp });
    }
    return peeked;
  };

  const pending: DeviceAccess["pending"] = async (credential) => {
    const [loaded, resources] = await Promise.all([
      loadUnder(credential),
      devices.readResources(credential.ref),
    ]);
    const { configSet } = loaded.device;
    const found = new Map(configSet ? [[configAlias, peekConfig(loaded, configSet)]] : []);
    for (const [alias, state] of Object.entries(resources ?? {})) {
      if (alias !== configAlias && isUnheard(state)) found.set(alias, { timestampUs: state.timestamp });
    }
    return found;
  };

  return {
    productExists: async (productId) => (await deps.products.get(productId)) !== undefined,
    activate,
    authenticate: async (token) => {
      if (!/^[0-9a-f]{40}$/.test(token)) return undefined;
      const digest = deps.digest(token);
      const ref = await tokens.find(digest);
      return ref && { ref, tokenPrefix: prefixOf(digest) };
    },
    ...makeDeviceSessions(deps),
    write,
    read,
    pending,
    peek,
    listContent: async (credential) => {
      await loadUnder(credential);
      return deps.contentArea.list(credential.ref.productId);
    },
    findContent: async (credential, id) => {
      await loadUnder(credential);
      return deps.contentArea.find(credential.ref.productId, id);
    },
    followLink: deps.contentArea.follow,
    watch: watchers.watch,
    touch: (ref) => {
      devices
        .touch(ref)
        .catch((error: unknown) => deps.log.warn({ err: error, identity: ref.identity }, "touch failed"));
    },
    beat: () => deps.outages.beat(),
  };
}

/** What was set and is not what the device itself wrote. */
const isUnheard = ({ set, reported }: ResourceState): boolean =>
  set !== undefined && (reported === undefined || asText(set) !== asText(reported));

/** Whether the value that stands in `config_otau` was handed over, and whether the device showed that it has it. */
function peekConfig({ device }: LoadedDevice, set: ConfigSet): PeekedValue {
  const { timestampUs } = set;
  const update = device.updates.find(
    (each) =>
      "deploymentId" in set && each.deploymentId === set.deploymentId && each.timestampUs === timestampUs,
  );
  if (update === undefined) return { timestampUs };
  const hasReported = update.lastReport !== undefined || update.state === "succeeded";
  return { timestampUs, delivered: update.deliveredAt !== undefined, acknowledged: hasReported };
}

function eventBase(ref: DeviceRef, origin: Origin, now: number) {
  return {
    productId: ref.productId,
    identity: ref.identity,
    ip: origin.ip,
    protocol: origin.protocol,
    ...(origin.connectionId === undefined ? {} : { connection_id: origin.connectionId }),
    timestamp: now * 1000,
  };
}

function checkSizes(entries: readonly DeviceEntry[]): void {
  for (const { values } of entries) {
    for (const [alias, value] of Object.entries(values)) {
      const bytes = Buffer.byteLength(asText(value));
      if (bytes > valueBytesMax) {
        throw new OtauError(
          "TOO_LARGE",
          `The value of ${alias.slice(0, 64)} has ${bytes} bytes; at most ${valueBytesMax} are taken.`,
        );
      }
    }
  }
}
