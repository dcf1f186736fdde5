import { createHash, randomBytes, randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import { makeRruleCalendar } from "./adapters/calendar/rrule-calendar.ts";
import { makeTargetCheck } from "./adapters/webhooks/public-address.ts";
import type { App } from "./app.ts";
import type { Stores } from "./compose-stores.ts";
import type { Config } from "./config.ts";
import type { FailPoint } from "./fail-point.ts";
import { makeDeviceActions } from "./usecases/act-on-device.ts";
import { makeApplyPackage } from "./usecases/apply-package.ts";
import { auditDeviceAccess } from "./usecases/audit-device-access.ts";
import { makeBrakePackage } from "./usecases/brake-package.ts";
import { makeCancelUpdate } from "./usecases/cancel-update.ts";
import { makeConductDeployments } from "./usecases/conduct-deployments.ts";
import { makeContentLinks } from "./usecases/content-links.ts";
import { makeDeliverContent } from "./usecases/deliver-content.ts";
import { makeDeploymentInsight } from "./usecases/deployment-insight.ts";
import type { DeviceAccess } from "./usecases/device-access.ts";
import { makeDeviceState, type ResourceDefinitions } from "./usecases/device-state.ts";
import { makeDirectRollout } from "./usecases/direct-rollout.ts";
import { makeExplainDevice } from "./usecases/explain-device.ts";
import { makeFollowCancel } from "./usecases/follow-cancel.ts";
import { makeDeviceAccess } from "./usecases/grant-device-access.ts";
import { makeJudgeWindows } from "./usecases/judge-windows.ts";
import { makeListUpdates } from "./usecases/list-updates.ts";
import { makeManageContent } from "./usecases/manage-content.ts";
import { makeManageDevices } from "./usecases/manage-devices.ts";
import { makeManagePackages } from "./usecases/manage-packages.ts";
import { makeManageProducts } from "./usecases/manage-products.ts";
import { makeManageTokens } from "./usecases/manage-tokens.ts";
import { makeManageWebhooks } from "./usecases/manage-webhooks.ts";
import { makeNoteRefusals } from "./usecases/note-refusals.ts";
import type { AlarmClock } from "./usecases/ports.ts";
import { makeReadAudit } from "./usecases/read-audit.ts";
import { makeRecordReports } from "./usecases/record-reports.ts";
import { makeRedateDevices } from "./usecases/redate-devices.ts";
import { makeReleaseDeployment } from "./usecases/release-deployment.ts";
import { makeResolveMembers } from "./usecases/resolve-members.ts";
import { makeRetryUpdates } from "./usecases/retry-updates.ts";
import { makeRolloutFacts } from "./usecases/rollout-facts.ts";
import { makeSteerDeployment } from "./usecases/steer-deployment.ts";
import { makeStreamEvents } from "./usecases/stream-events.ts";
import { makeSweepDue } from "./usecases/sweep-due.ts";

const digest = (text: string): string => createHash("sha256").update(text).digest("hex");
const idAlphabet = "0123456789abcdefghijklmnopqrstuvwxyz";

/** Ids hold no dash: a deployment's and a device's are joined by one to an update's. */
const newId = (prefix: string, length: number): string =>
  prefix + Array.from({ length }, () => idAlphabet[randomInt(idAlphabet.length)]).join("");

export type AppDeps = {
  readonly stores: Stores;
  readonly config: Pick<Config, "allowHttpPayload" | "extraTypes" | "defaultProduct" | "allowPrivateTargets">;
  readonly adminToken: string;
  readonly resources: ResourceDefinitions;
  readonly alarm: AlarmClock;
  /** Where devices reach the HTTP device API, without a slash at its end. */
  readonly deviceUrl: () => string;
  /** A product's settings were changed here. */
  readonly settingsChanged: (productId: string) => void;
  readonly failPoint: FailPoint;
  readonly emit: (service: string, event: string, payload: unknown) => Promise<unknown>;
  readonly log: Logger;
};

/** The use cases, each given the ports it names; and the duties that a worker carries out with them. */
export function composeApp(deps: AppDeps) {
  const { stores, alarm, failPoint, log } = deps;
  const { devices, deployments, products, content, blobs, leases } = stores;
  const rules = { allowHttpPayload: deps.config.allowHttpPayload, extraTypes: deps.config.extraTypes };
  const { settingsOf, limitsOf } = stores.settings;
  const newDeviceToken = () => randomBytes(20).toString("hex");
  const newDeploymentId = () => newId("d", 15);
  const links = makeContentLinks({ secret: stores.linkSecret, base: deps.deviceUrl });
  const { roughNow } = stores.clock;
  const holder = `${process.pid}.${randomBytes(6).toString("hex")}`;
  const calendar = makeRruleCalendar();
  const outages = cached(() => stores.outages.outages(), 200);

  const { act, actOnMany } = makeDeviceActions({
    devices,
    limitsOf,
    outages,
    random: Math.random,
    sleep: async (ms) => void (await delay(ms)),
    committed: () => alarm.wake("relay"),
    connector: {
      isUsed: async (productId) => (await settingsOf(productId)).connector !== undefined,
      expect: stores.connectorCalls.expect,
    },
    failPoint,
  });
  const followCancel = makeFollowCancel({ devices, deployments, actOnMany, failPoint });
  const brake = makeBrakePackage({ devices, deployments, settingsOf });
  const steer = makeSteerDeployment({
    devices,
    deployments,
    actOnMany,
    brakeAccepted: brake.accepted,
    alarm,
    failPoint,
  });
  const { redate, putOff } = makeRedateDevices({ devices, deployments, limitsOf, outages, failPoint });
  const judgeWindows = makeJudgeWindows({ calendar, outages });
  const directRollout = makeDirectRollout({
    devices,
    deployments,
    braked: brake.tripped,
    rejudge: steer.rejudge,
    failPoint,
  });
  const release = makeReleaseDeployment({
    devices,
    deployments,
    leases,
    actOnMany,
    directRollout,
    judgeWindows,
    monotonicMs: () => performance.now(),
    holder,
    failPoint,
  });

  const conductor = makeConductDeployments({
    devices,
    deployments,
    products,
    followCancel,
    directRollout,
    ...makeResolveMembers({ devices, deployments, leases, holder, failPoint }),
    redate,
    release,
    tellTotals: stores.tellTotals,
    alarm,
    failPoint,
    at: (time, run) => void setTimeout(run, Math.max(0, time - stores.clock.roughNow())).unref(),
  });
  const manageContent = makeManageContent({
    content,
    blobs,
    settleUses: async (productId, packageId) => {
      for (const id of await content.openDeployments(productId, packageId))
        await conductor.conduct(productId, id);
    },
  });

  const stream = makeStreamEvents({
    journal: stores.journal,
    pollMs: 40,
    heartbeatMs: 15_000,
    sleep: (ms) => delay(ms),
    log,
  });

  const app: Omit<App, "health" | "openapi"> = {
    applyPackage: makeApplyPackage({
      devices,
      deployments,
      content,
      idempotency: stores.idempotency,
      settingsOf,
      limitsOf,
      rules,
      calendar,
      newId: newDeploymentId,
      alarm,
      failPoint,
    }),
    recordReports: makeRecordReports({ act, failPoint }),
    cancelUpdate: makeCancelUpdate({ devices, act }),
    retryUpdates: makeRetryUpdates({ devices, act, actOnMany, followCancel, steer }),
    steer,
    withInsight: makeDeploymentInsight({ devices, readPace: stores.readPace }),
    updates: makeListUpdates({ devices }),
    explainDevice: makeExplainDevice({
      devices,
      deployments,
      limitsOf,
      rolloutFactsOf: makeRolloutFacts({ devices, deployments, content, judgeWindows }),
    }),
    products: makeManageProducts({
      products,
      devices,
      content,
      lastingProduct: "default",
      changed: deps.settingsChanged,
      refuseTarget: makeTargetCheck(deps.config),
    }),
    devices: makeManageDevices({
      devices,
      tokens: stores.deviceTokens,
      act,
      actOnMany,
      newToken: newDeviceToken,
      digest,
      deleted: (ref) =>
        deps.emit("device2", "deleted", { type: "deleted", ...ref, timestamp: Date.now() * 1000 }),
    }),
    deviceState: makeDeviceState({
      devices,
      deployments,
      settingsOf,
      act,
      render: links.render,
      resources: deps.resources,
      rules,
      newId: newDeploymentId,
      alarm,
    }),
    packages: makeManagePackages({ content, manageContent, devices, steer, rules, alarm }),
    content: manageContent,
    tokens: makeManageTokens({
      tokens: stores.appTokens,
      adminDigest: digest(deps.adminToken),
      newSecret: () => `otau_${randomBytes(24).toString("hex")}`,
      newId: () => newId("t", 12),
      digest,
      now: devices.now,
    }),
    webhooks: makeManageWebhooks({
      webhooks: stores.webhooks,
      journal: stores.journal,
      newId: () => newId("w", 12),
      newSecret: () => `whsec_${randomBytes(32).toString("base64")}`,
      now: devices.now,
      refuseTarget: makeTargetCheck(deps.config),
      wake: () => alarm.wake("webhook"),
    }),
    audit: makeReadAudit({ journal: stores.archive }),
    stream,
    rules,
    read: { devices, deployments, content },
    emit: deps.emit,
  };

  const refusals = makeNoteRefusals({
    append: async (productId, events) => {
      await stores.journal.append(productId, events);
      alarm.wake("relay");
    },
    productExists: async (productId) => (await products.get(productId)) !== undefined,
    defaultProduct: deps.config.defaultProduct,
    log,
  });
  const plainAccess = makeDeviceAccess({
    devices,
    products,
    tokens: stores.deviceTokens,
    outages: stores.outages,
    hints: stores.hints,
    settingsOf,
    act,
    newToken: newDeviceToken,
    newSession: () => randomBytes(6).toString("base64url"),
    digest,
    contentArea: makeDeliverContent({ content, blobs, links, now: roughNow }),
    render: links.render,
    roughNow,
    failPoint,
    emit: (event) => deps.emit("device2", event.type, event),
    log,
  });
  const access: DeviceAccess = auditDeviceAccess(plainAccess, {
    refused: refusals.note,
    defaultProduct: deps.config.defaultProduct,
  });

  function close(): void {
    stream.close();
    refusals.close();
  }

  const sweep = makeSweepDue({ devices, actOnMany, putOff, failPoint });
  return { app, access, links, act, sweep, conductor, refused: refusals.note, close };
}

/** The same answer for a while: what many decisions ask for at once is read once. */
function cached<Value>(read: () => Promise<Value>, forMs: number): () => Promise<Value> {
  let known: { readonly until: number; readonly value: Promise<Value> } | undefined;
  return () => {
    if (known !== undefined && known.until > performance.now()) return known.value;
    const value = read();
    const entry = { until: performance.now() + forMs, value };
    known = entry;
    value.catch(() => {
      if (known === entry) known = undefined;
    });
    return value;
  };
}
