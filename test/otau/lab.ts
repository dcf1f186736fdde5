import { type Decide, decide } from "../../modules/otau/decide.ts";
import type {
  Deployment,
  Device,
  DeviceEvent,
  Facts,
  Limits,
  Ms,
  Outage,
  Outcome,
  Update,
} from "../../modules/otau/model.ts";
import { defaultRetry, defaultTimeouts, type RetryPolicy, type Timeouts } from "../../modules/otau/policy.ts";
import type { Actor, Status, UpdateState } from "../../modules/otau/vocabulary.ts";

/** The instant at which every lab begins. */
export const start: Ms = Date.UTC(2026, 0, 5, 12);
export const minute = 60_000;
export const hour = 60 * minute;

export type DeploymentWish = Partial<Omit<Deployment, "timeouts" | "retry">> & {
  readonly timeouts?: Partial<Timeouts>;
  readonly retry?: Partial<RetryPolicy>;
};

export const limits: Limits = { outageGraceMs: minute, clockSkewMs: 5000, reportsPerSecond: 5 };
export const person: Actor = { kind: "token", id: "tok1" };

export function deploymentOf(id: string, seq: number, wish: DeploymentWish = {}): Deployment {
  return {
    id,
    productId: "default",
    seq,
    packageId: `package_${id}`,
    version: `${seq}.0`,
    source: "apply",
    configText: `{"version":"${wish.version ?? `${seq}.0`}"}`,
    confirm: "required",
    force: false,
    onActive: "supersede",
    createdAt: start,
    state: "running",
    withdrawn: false,
    ...wish,
    timeouts: { ...defaultTimeouts, ...wish.timeouts },
    retry: { ...defaultRetry, jitter: 0, ...wish.retry },
  };
}

export const newDevice: Device = {
  productId: "default",
  identity: "gw-1",
  uid: "u1",
  revision: 1,
  createdAt: start,
  tags: {},
  drifted: false,
  updates: [],
  pastLoaded: true,
  historySeq: 0,
  eventSeq: 0,
};

export type ReportWish = {
  readonly version?: string;
  readonly message?: string;
  /** Supplied by the device. */
  readonly stamp?: Ms;
};

/** One device, its deployments and a clock, moved by hand. */
export type Lab = ReturnType<typeof makeLab>;

/** Deployments are named a, b, c … in the order of their age; `a` has version 1.0, `b` 2.0 and so on. */
export function makeLab(
  wishes: Readonly<Record<string, DeploymentWish>> = { a: {} },
  device: Partial<Device> = {},
) {
  const deployments = new Map<string, Deployment>(
    Object.entries(wishes).map(([id, wish], index) => [id, deploymentOf(id, index + 1, wish)]),
  );
  const outages: Outage[] = [];
  const lab = {
    decide: decide as Decide,
    device: { ...newDevice, ...device } as Device,
    now: start,
    random: 0.5,
    limits,
    viaConnector: false,
    actor: person as Actor,
    outages,
    deployments,
    outcomes: [] as Outcome[],
    facts: (): Facts => ({
      now: lab.now,
      random: lab.random,
      deployments,
      limits: lab.limits,
      outages,
      ...(lab.viaConnector ? { viaConnector: true as const } : {}),
      actor: lab.actor,
    }),
    do(event: DeviceEvent): Outcome {
      const outcome = lab.decide(lab.device, event, lab.facts());
      lab.device = outcome.device;
      lab.outcomes.push(outcome);
      return outcome;
    },
    /** Moves the clock. */
    wait(ms: Ms): void {
      lab.now += ms;
    },
    set(id: string, changes: Partial<Deployment>): void {
      const old = deployments.get(id);
      if (old) deployments.set(id, { ...old, ...changes });
    },
    enrol: (id = "a") => lab.do({ type: "enrol", deploymentId: id }),
    release: (id = "a") => lab.do({ type: "release", deploymentId: id }),
    /** Takes the device in and writes to it. */
    write(id = "a"): Outcome {
      lab.enrol(id);
      return lab.release(id);
    },
    deliver: (id = "a") => lab.do({ type: "delivered", timestampUs: lab.update(id).timestampUs ?? 0 }),
    tick: () => lab.do({ type: "tick" }),
    cancel: (id = "a") => lab.do({ type: "cancel", deploymentId: id, reason: "CANCELED" }),
    retry: (id = "a", states: readonly UpdateState[] = ["failed", "timed_out", "aborted", "canceled"]) =>
      lab.do({ type: "retry", deploymentId: id, states }),
    report(status: Status, wish: ReportWish = {}): Outcome {
      const { version = "1.0", message, stamp } = wish;
      const raw = JSON.stringify({ version, status, message });
      return lab.do({
        type: "report",
        report: { ok: true, raw, version, status, ...(message === undefined ? {} : { message }) },
        stampedAt: stamp ?? lab.now,
        stampSupplied: stamp !== undefined,
      });
    },
    /** Waits until the update's phase deadline, and lets time be judged. */
    timeOut(id = "a"): Outcome {
      lab.now = lab.update(id).deadlineAt ?? Number.NaN;
      return lab.tick();
    },
    update(id = "a"): Update {
      const update = lab.device.updates.find(({ deploymentId }) => deploymentId === id);
      if (update === undefined) throw new Error(`the device has no update of ${id}`);
      return update;
    },
    state: (id = "a"): UpdateState => lab.update(id).state,
  };
  return lab;
}
