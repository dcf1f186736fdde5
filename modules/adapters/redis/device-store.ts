import type { DeviceStore } from "../../usecases/ports.ts";
import type { StoreClock } from "./clock.ts";
import { withStoreErrors } from "./connection.ts";
import {
  fenceDeployment,
  readDirty,
  readSlotsHeld,
  readTotals,
  settleDeployment,
} from "./deployment-counts.ts";
import { readMembers, readReadyMembers } from "./deployment-members.ts";
import { readMemberBits, readRollout } from "./deployment-rollout.ts";
import { dropTarget, freezeTarget, readFrozen, readJoinable } from "./deployment-target.ts";
import { readManyTotals } from "./deployment-totals.ts";
import { unenrolDeployment } from "./deployment-unenrol.ts";
import { commitDevices } from "./device-commit.ts";
import { countDevices, summariseDevices } from "./device-count.ts";
import { createDevices, unknownIdentities } from "./device-create.ts";
import { readDueDevices, setDueTimes } from "./device-due.ts";
import { enrolDevices } from "./device-enrol.ts";
import { readHistory } from "./device-history.ts";
import { filterIdentities, listDevices, listMembers } from "./device-list.ts";
import { loadDevices, type StoredDevices } from "./device-load.ts";
import { makeDeviceOrders } from "./device-order.ts";
import { repairDue } from "./device-repair.ts";
import { readDeviceResources, writeDeviceResources } from "./device-resources.ts";
import { makeTouch } from "./device-touch.ts";
import { allShardKeys } from "./keys.ts";
import type { StoreMeta } from "./meta.ts";
import type { RedisConnection } from "./scripts.ts";
import { type FindDeployments, type HistoryLimits, readNow, type StoreContext } from "./store-context.ts";
import { parseUid } from "./uid.ts";

/** What the device store works with. */
export type DeviceStoreOptions = {
  readonly redis: RedisConnection;
  readonly meta: StoreMeta;
  readonly clock: StoreClock;
  /** Mostly the deployment store's `getMany`. */
  readonly findDeployments: FindDeployments;
  /** How much history a product keeps near; 500 lines and 30 days where it does not say. */
  readonly historyLimits?: (productId: string) => HistoryLimits;
};

const defaultHistory: HistoryLimits = { linesMax: 500, ageMaxMs: 30 * 24 * 3_600_000 };

/** The devices of a store. Failures of the store are STORE_UNAVAILABLE. */
export function makeDeviceStore(options: DeviceStoreOptions): DeviceStore {
  const { redis, meta, clock, findDeployments } = options;
  const keys = allShardKeys(meta.shardCount);
  const context: StoreContext = {
    redis,
    meta,
    clock,
    keys,
    orderOf: makeDeviceOrders({ redis, keys }),
    findDeployments,
    historyLimits: options.historyLimits ?? (() => defaultHistory),
  };
  const stored: StoredDevices = new WeakMap();
  const accesses = guarded({
    shardCount: meta.shardCount,
    now: () => readNow(context),
    load: async (ref, loading) => (await loadDevices(context, stored, [ref], loading))[0],
    loadMany: (refs, loading) => loadDevices(context, stored, refs, loading),
    commitMany: (changes) => commitDevices(context, stored, changes),
    ...deviceParts(context, stored),
    ...deploymentParts(context, stored),
  });
  return { ...accesses, placeOf: ({ uid }) => parseUid(uid) };
}

type DevicePart =
  | "unknown"
  | "create"
  | "due"
  | "setDue"
  | "list"
  | "count"
  | "targetMembers"
  | "summary"
  | "isEmpty"
  | "history"
  | "readResources"
  | "writeResources"
  | "touch"
  | "repairDue";

function deviceParts(context: StoreContext, stored: StoredDevices): Pick<DeviceStore, DevicePart> {
  return {
    unknown: (productId, identities) => unknownIdentities(context, productId, identities),
    create: (productId, devices, actor) => createDevices(context, productId, devices, actor),
    due: (shard, limit) => readDueDevices(context, shard, limit),
    setDue: (entries) => setDueTimes(context, entries),
    list: (productId, filter, page) => listDevices(context, stored, productId, filter, page),
    count: (productId, filter) => countDevices(context, productId, filter),
    targetMembers: (productId, filter, after, limit) =>
      filterIdentities(context, productId, filter, { limit, ...(after === undefined ? {} : { after }) }),
    summary: (productId) => summariseDevices(context, productId),
    isEmpty: async (productId) => (await countDevices(context, productId, {})) === 0,
    history: (ref, page) => readHistory(context, ref, page),
    readResources: (ref) => readDeviceResources(context, ref),
    writeResources: (ref, values, by, timestampUs) =>
      writeDeviceResources(context, ref, values, by, timestampUs),
    touch: makeTouch(context),
    repairDue: (shard, from, limit) => repairDue(context, stored, shard, from, limit),
  };
}

type DeploymentPart =
  | "enrol"
  | "unenrol"
  | "fence"
  | "totals"
  | "totalsMany"
  | "slotsHeld"
  | "rollout"
  | "memberBits"
  | "freezeTarget"
  | "frozenMembers"
  | "dropTarget"
  | "joinable"
  | "readyMembers"
  | "members"
  | "membersByIdentity"
  | "dirtyDeployments"
  | "settle";

function deploymentParts(context: StoreContext, stored: StoredDevices): Pick<DeviceStore, DeploymentPart> {
  return {
    enrol: (deploymentId, productId, identities, dueAt) =>
      enrolDevices(context, { deploymentId, productId, dueAt }, identities),
    unenrol: (deploymentId, productId) => unenrolDeployment(context, stored, deploymentId, productId),
    fence: (deploymentId, productId, generation) =>
      fenceDeployment(context, deploymentId, productId, generation),
    totals: (deploymentId) => readTotals(context, deploymentId),
    totalsMany: (deploymentIds) => readManyTotals(context, deploymentIds),
    slotsHeld: (deploymentId) => readSlotsHeld(context, deploymentId),
    rollout: (record) => readRollout(context, record),
    memberBits: (deploymentId) => readMemberBits(context, deploymentId),
    freezeTarget: (deploymentId, productId, filter) => freezeTarget(context, deploymentId, productId, filter),
    frozenMembers: (deploymentId, productId, shard, from, limit) =>
      readFrozen(context, deploymentId, { productId, shard, from, limit }),
    dropTarget: (deploymentId) => dropTarget(context, deploymentId),
    joinable: (deploymentId, productId, filter, limit) =>
      readJoinable(context, deploymentId, productId, filter, limit),
    readyMembers: (deploymentId, productId, shard, from, limit, until) =>
      readReadyMembers(context, deploymentId, { productId, shard, from, limit, until }),
    members: (deploymentId, productId, shard, from, limit, states) =>
      readMembers(context, deploymentId, { productId, shard, from, limit }, states),
    membersByIdentity: (deploymentId, productId, options) =>
      listMembers(context, deploymentId, productId, options),
    dirtyDeployments: (shard, limit) => readDirty(context, shard, limit),
    settle: (shard, productId, deploymentId, mark) =>
      settleDeployment(context, shard, productId, deploymentId, mark),
  };
}

/** Every access with its failures translated, so that no caller ever sees a client library's error. */
function guarded(store: Omit<DeviceStore, "placeOf">): Omit<DeviceStore, "placeOf"> {
  const wrapped = Object.entries(store).map(([name, part]: [string, unknown]) => {
    if (typeof part !== "function") return [name, part];
    const access = part as (...args: readonly unknown[]) => Promise<unknown>;
    return [name, (...args: readonly unknown[]) => withStoreErrors(() => access(...args))];
  });
  return Object.fromEntries(wrapped) as Omit<DeviceStore, "placeOf">;
}
