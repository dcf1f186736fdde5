import { updateIdOf } from "../otau/update-id.ts";
import type { DeviceActions } from "./act-on-device.ts";
import type { ContentLinks } from "./content-links.ts";
import type {
  ConnectorCall,
  ConnectorCalls,
  DeviceStore,
  LoadedDevice,
  ProductStore,
  SendResult,
  SendSigned,
} from "./ports.ts";
import type { ProductSettingsInput, ProductSettingsOf } from "./product-settings.ts";

const firstPauseMs = 1000;
const longestPauseMs = 60_000;
/** Longer than a call may take. */
const leaseMs = 12_000;
const claimedAtOnce = 100;
const callsMax = 128;
/** So that one platform that hangs leaves room for the others. */
const callsPerProductMax = 48;
const makeRoomMs = 500;
const healBatch = 200;
/** A value that was written so long ago and is owed a call should have had one noted. */
const healAfterMs = 3_000;

export type DeliverByConnectorDeps = {
  readonly calls: ConnectorCalls;
  readonly devices: Pick<DeviceStore, "load" | "list" | "shardCount" | "now">;
  readonly products: Pick<ProductStore, "get" | "ids">;
  readonly settingsOf: ProductSettingsOf;
  readonly act: DeviceActions["act"];
  readonly render: ContentLinks["render"];
  readonly send: SendSigned;
  readonly failPoint: (name: string) => void;
  readonly log: { warn(fields: object, message: string): void };
};

/** What is sent of one write. */
type Delivery = {
  readonly updateId: string;
  readonly deploymentId: string;
  readonly attempt: number;
  readonly configText: string;
  readonly timestampUs: number;
};

/**
 * Hands values to outside platforms: a value is delivered when the platform's connector has accepted the call. What
 * it refuses is repeated, each device's call for itself, until it is accepted or the value is called off.
 */
export function makeDeliverByConnector(deps: DeliverByConnectorDeps) {
  const { calls, devices } = deps;
  const running = new Map<Promise<void>, string>();
  const healFrom = new Map<string, string>();
  let isStopped = false;

  /** The value that the device is still owed; undefined when the call has become needless. */
  function owed(loaded: LoadedDevice, call: ConnectorCall): Delivery | undefined {
    const { configSet, updates, productId, uid } = loaded.device;
    if (configSet === undefined || !("deploymentId" in configSet)) return undefined;
    const { deploymentId, timestampUs } = configSet;
    const update = updates.find((each) => each.deploymentId === deploymentId);
    const deployment = loaded.deployments.get(deploymentId);
    if (update?.state !== "sent" || update.timestampUs !== timestampUs || !deployment) return undefined;
    // Delivered already, unless this very value was to be handed over again.
    if (update.deliveredAt !== undefined && call.timestampUs !== timestampUs) return undefined;
    const { configText } = deployment;
    return {
      updateId: updateIdOf(deploymentId, uid),
      deploymentId,
      attempt: update.attempt,
      // Its clocks begin at the acceptance, whenever that is: the links in it hold for a year.
      configText: deps.render({ productId, configText, timestampUs, totalMs: null }),
      timestampUs,
    };
  }

  /** A connector that was set a moment ago, elsewhere, is looked for past the cache: its first call must not be lost. */
  async function connectorOf(productId: string): Promise<ProductSettingsInput["connector"]> {
    const { connector } = await deps.settingsOf(productId);
    if (connector !== undefined) return connector;
    const record = await deps.products.get(productId);
    return (record?.settings as ProductSettingsInput | undefined)?.connector;
  }

  async function make(call: ConnectorCall): Promise<void> {
    const { ref } = call;
    const connector = await connectorOf(ref.productId);
    const loaded = connector?.secret === undefined ? undefined : await devices.load(ref);
    const delivery = loaded && owed(loaded, call);
    if (connector?.secret === undefined || delivery === undefined) return calls.done(call);
    const { updateId, attempt, configText, timestampUs } = delivery;
    const id = `${updateId}.${timestampUs}`;
    const body = JSON.stringify({ id, ...ref, updateId, attempt, config_otau: configText });
    deps.failPoint("connector:calling");
    const result = await deps.send({ url: connector.url, secret: connector.secret, id, body });
    deps.failPoint("connector:answered");
    await settle(call, delivery, result);
  }

  async function settle(call: ConnectorCall, delivery: Delivery, result: SendResult): Promise<void> {
    const { ref } = call;
    const { status, retryAfterMs = 0 } = result;
    const actor = { kind: "system", id: "connector" } as const;
    if (status !== undefined && status >= 200 && status < 300) {
      await deps.act(ref, () => [{ type: "delivered", timestampUs: delivery.timestampUs }], { actor });
      return calls.done(call);
    }
    if (status === 404) {
      const { deploymentId } = delivery;
      await deps.act(
        ref,
        (loaded) =>
          owed(loaded, call)?.timestampUs === delivery.timestampUs
            ? [{ type: "cancel", deploymentId, reason: "DEVICE_UNKNOWN", onlyIn: ["sent"] }]
            : [],
        { actor },
      );
      return calls.done(call);
    }
    const failures = call.failures + 1;
    deps.log.warn({ ...ref, ...result, failures }, "a connector did not accept a value");
    const pauseMs = Math.min(firstPauseMs * 2 ** Math.min(call.failures, 10), longestPauseMs);
    await calls.postpone(call, failures, Math.max(pauseMs, retryAfterMs));
  }

  function begin(call: ConnectorCall): void {
    const { productId } = call.ref;
    const ofProduct = [...running.values()].filter((each) => each === productId).length;
    const work =
      ofProduct >= callsPerProductMax ? calls.postpone(call, call.failures, makeRoomMs) : make(call);
    const run: Promise<void> = work
      .catch((error: unknown) => deps.log.warn({ err: error, ...call.ref }, "a connector's call was cut off"))
      .finally(() => running.delete(run));
    running.set(run, productId);
  }

  /** Begins the calls that are due, as many as there is room for; does not wait for their answers. */
  async function callAll(): Promise<void> {
    if (isStopped || !(await calls.any())) return;
    for (let shard = 0; shard < devices.shardCount; shard++) {
      const room = Math.min(callsMax - running.size, claimedAtOnce);
      if (room <= 0 || isStopped) return;
      for (const call of await calls.claim(shard, room, leaseMs)) begin(call);
    }
  }

  /** A few devices of each product with a connector at a time: a call that was never noted is noted. */
  async function heal(): Promise<void> {
    for (const productId of await deps.products.ids()) {
      if ((await deps.settingsOf(productId)).connector === undefined) continue;
      const after = healFrom.get(productId);
      const page = { limit: healBatch, ...(after === undefined ? {} : { after }) };
      const { rows, next } = await devices.list(productId, { updateState: ["sent"] }, page);
      if (next === undefined) healFrom.delete(productId);
      else healFrom.set(productId, next);
      const now = await devices.now();
      const owing = rows.flatMap(({ device }) =>
        device.updates.flatMap(({ state, deliveredAt, sentAt = now, timestampUs }) =>
          state === "sent" &&
          deliveredAt === undefined &&
          timestampUs !== undefined &&
          now - sentAt > healAfterMs
            ? [{ ref: { productId, identity: device.identity }, timestampUs }]
            : [],
        ),
      );
      await calls.expect(owing, 0, { onlyMissing: true });
    }
  }

  /** Begins nothing any more and waits for the calls that are on their way. */
  async function close(): Promise<void> {
    isStopped = true;
    await Promise.all(running.keys());
  }

  return { callAll, heal, close };
}
