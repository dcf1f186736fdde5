import { openTestClock } from "../../../modules/adapters/redis/clock.ts";
import { makeDeviceStore } from "../../../modules/adapters/redis/device-store.ts";
import { openMeta } from "../../../modules/adapters/redis/meta.ts";
import type { Device, Update } from "../../../modules/otau/model.ts";
import { defaultRetry, defaultTimeouts } from "../../../modules/otau/policy.ts";
import type { DeploymentRecord, DeviceChange, DeviceStore } from "../../../modules/usecases/ports.ts";
import type { TestRedis } from "../../support/redis.ts";

export const actor = { kind: "token", id: "tester" } as const;

/** A device store on an empty keyspace whose deployments are whatever the test puts into the map. */
export async function openDevices(redis: TestRedis, options: { readonly shardCount?: number } = {}) {
  const meta = await openMeta(redis.client, options);
  const clock = await openTestClock(redis.client);
  const deployments = new Map<string, DeploymentRecord>();
  const findDeployments = async (_productId: string, ids: readonly string[]) => {
    const found = ids.flatMap((id) => deployments.get(id) ?? []);
    return new Map(found.map((record) => [record.id, record]));
  };
  const devices = makeDeviceStore({ redis: redis.client, meta, clock, findDeployments });
  /** Another process on the same store. */
  const another = () => makeDeviceStore({ redis: redis.connect(), meta, clock, findDeployments });
  return { devices, another, deployments, clock, meta };
}

/** An accepted deployment. */
export function deployment(id: string, seq: number, over: Partial<DeploymentRecord> = {}): DeploymentRecord {
  return {
    id,
    productId: "p",
    seq,
    packageId: `package_${id}`,
    version: `1.0.${seq}`,
    source: "apply",
    configText: "{}",
    timeouts: defaultTimeouts,
    retry: defaultRetry,
    confirm: "required",
    force: false,
    onActive: "supersede",
    createdAt: 1_790_000_000_000 + seq,
    state: "running",
    withdrawn: false,
    otauInfoText: "{}",
    name: id,
    packageRevision: 1,
    revision: 1,
    generation: 1,
    createdBy: "tester",
    expectedTotal: 1,
    resolving: false,
    options: {},
    ...over,
  };
}

/** An update in the state, with what every update has. */
export function update(deploymentId: string, over: Partial<Update> = {}): Update {
  return {
    deploymentId,
    state: "waiting",
    attempt: 0,
    maxAttempts: 3,
    attemptBase: 0,
    createdAt: 1_790_000_000_000,
    revision: 1,
    rank: 0,
    restarts: 0,
    ...over,
  };
}

/** A live update that was just written. */
export function sent(deploymentId: string, over: Partial<Update> = {}): Update {
  const at = 1_790_000_100_000;
  return update(deploymentId, {
    state: "sent",
    phase: "sent",
    attempt: 1,
    revision: 2,
    sentAt: at,
    timestampUs: at * 1000,
    deadlineAt: at + 604_800_000,
    deadlineOf: "acknowledgeMs",
    totalDeadlineAt: at + 1_209_600_000,
    slot: true,
    ...over,
  });
}

/** A change from one state of a device to the next, with nothing beside. */
export function change(
  before: Device,
  over: Partial<Device>,
  beside: Partial<DeviceChange> = {},
): DeviceChange {
  return {
    before,
    after: { ...before, revision: before.revision + 1, ...over },
    lines: [],
    folds: [],
    events: [],
    dueAt: undefined,
    fences: [],
    notify: false,
    ...beside,
  };
}

/** The device as stored now; the test fails where it is not there. */
export async function loaded(devices: DeviceStore, identity: string, options: { past?: boolean } = {}) {
  const found = await devices.load({ productId: "p", identity }, options);
  if (found === undefined) throw new Error(`device ${identity} is not there`);
  return found;
}
