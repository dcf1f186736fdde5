import { OtauError } from "../errors.ts";
import type { Actor, DeploymentState } from "../otau/vocabulary.ts";
import type { DeviceActions } from "./act-on-device.ts";
import type { DeploymentPatch } from "./apply-options.ts";
import { type DeploymentView, toDeploymentView } from "./deployment-view.ts";
import type {
  AlarmClock,
  DeploymentChange,
  DeploymentRecord,
  DeploymentStore,
  DeviceStore,
} from "./ports.ts";
import { refuseMismatch, type StatedPrecondition } from "./preconditions.ts";

const racesMax = 8;
const chunk = 200;

export type SteerDeps = {
  readonly devices: DeviceStore;
  readonly deployments: DeploymentStore;
  readonly actOnMany: DeviceActions["actOnMany"];
  /** What a resume accepts of the package's brake. */
  readonly brakeAccepted: (record: DeploymentRecord) => Promise<DeploymentRecord["brakeFrom"]>;
  readonly alarm: AlarmClock;
  readonly failPoint: (name: string) => void;
};

type SteerInput = { readonly productId: string; readonly deploymentId: string; readonly actor: Actor };

/**
 * Pause, resume and cancel of a deployment. The record is written first, then the fence in every shard: when the
 * answer goes out, nothing is written to devices any more that the new state forbids.
 */
export function makeSteerDeployment(deps: SteerDeps) {
  const { devices, deployments, alarm } = deps;

  async function find({ productId, deploymentId }: Omit<SteerInput, "actor">): Promise<DeploymentRecord> {
    const record = await deployments.refresh(productId, deploymentId);
    if (record === undefined) {
      throw new OtauError("NOT_FOUND", `There is no deployment ${deploymentId} in product ${productId}.`);
    }
    return record;
  }

  /** Changes the record as it is now; `undefined` from `change` = it stands as wanted already. */
  async function change(
    input: SteerInput,
    changeOf: (record: DeploymentRecord) => DeploymentChange | undefined,
  ): Promise<{ record: DeploymentRecord; changed: boolean }> {
    for (let race = 0; race < racesMax; race++) {
      const record = await find(input);
      const wanted = changeOf(record);
      if (wanted === undefined) {
        // Whoever wrote it may have died before the shards knew: this answer must be as good as the first.
        await devices.fence(record.id, record.productId, record.generation);
        return { record, changed: false };
      }
      const updated = await deployments.update(record, wanted, { fenced: true, actor: input.actor });
      if (updated !== undefined) {
        deps.failPoint("steer:recorded");
        await devices.fence(updated.id, updated.productId, updated.generation);
        alarm.wake("conduct", `${updated.productId}/${updated.id}`);
        return { record: updated, changed: true };
      }
    }
    throw new OtauError(
      "STORE_UNAVAILABLE",
      `Deployment ${input.deploymentId} is changing too fast; try again.`,
      {
        retryAfterSeconds: 1,
      },
    );
  }

  async function view(record: DeploymentRecord): Promise<DeploymentView> {
    const isStaged = record.waves !== undefined || record.gate !== undefined;
    const [totals, progress] = await Promise.all([
      devices.totals(record.id),
      isStaged ? devices.rollout(record) : undefined,
    ]);
    return toDeploymentView(record, totals, progress);
  }

  /** Waiting updates that stood behind this deployment's may now go first. */
  async function rejudge(record: DeploymentRecord): Promise<void> {
    for (let shard = 0; shard < devices.shardCount; shard++) {
      let from: number | undefined = 0;
      while (from !== undefined) {
        const page = await devices.members(record.id, record.productId, shard, from, chunk, ["waiting"]);
        if (page.refs.length > 0) {
          await deps.actOnMany(page.refs, () => [{ type: "rejudge", deploymentId: record.id }], {
            actor: { kind: "system", id: "rejudge" },
          });
        }
        from = page.next;
      }
    }
  }

  async function pause(input: SteerInput): Promise<DeploymentView> {
    const { record, changed } = await change(input, (present) => {
      refuseEnded(present, "pause");
      return present.state === "paused" ? undefined : { state: "paused", reason: null };
    });
    if (changed) await rejudge(record);
    return view(record);
  }

  async function resume(input: SteerInput): Promise<DeploymentView> {
    const now = await devices.now();
    const brakeFrom = (await deps.brakeAccepted(await find(input))) ?? null;
    const { record } = await change(input, (present) => {
      refuseEnded(present, "resume");
      const state: DeploymentState =
        present.startAt !== undefined && present.startAt > now ? "scheduled" : "running";
      if (present.state === state) return undefined;
      // What failed before a resume is accepted: the gate begins anew.
      const gateEpoch = (present.gateEpoch ?? 1) + 1;
      return { state, reason: null, gateEpoch, gateSince: now, gateFigures: null, brakeFrom };
    });
    return view(record);
  }

  /** Opens the next wave, done or not; of one that waits for approval this is it. The last wave stays the last. */
  async function advance(input: SteerInput): Promise<DeploymentView> {
    const now = await devices.now();
    const { record } = await change(input, (present) => {
      refuseEnded(present, "advance");
      const open = present.openWave ?? 1;
      if (open >= (present.waves?.length ?? 1)) return undefined;
      return { openWave: open + 1, waveOpenedAt: now, wantsApproval: null };
    });
    return view(record);
  }

  /** Changes how a deployment goes on, at once; `null` lifts a limit. */
  async function patch(
    input: SteerInput,
    wanted: DeploymentPatch,
    precondition: StatedPrecondition,
  ): Promise<DeploymentView> {
    const now = await devices.now();
    const expiresAt = typeof wanted.expiresAt === "string" ? Date.parse(wanted.expiresAt) : null;
    const { record } = await change(input, (present) => {
      refuseMismatch("deployment", present.revision, precondition);
      refuseEnded(present, "a change");
      if (expiresAt !== null && expiresAt <= Math.max(now, present.startAt ?? 0))
        throw tooEarly(wanted.expiresAt);
      return {
        ...given(wanted.rollout),
        ...(wanted.gate === undefined ? {} : { gate: wanted.gate }),
        ...(wanted.expiresAt === undefined ? {} : { expiresAt, redating: true }),
      };
    });
    return view(record);
  }

  /** 200 again for a canceled one. Its updates follow in chunks; nothing further is written from now on. */
  async function cancel(input: SteerInput): Promise<DeploymentView> {
    const { record } = await change(input, (present) => {
      if (present.state === "canceled") return undefined;
      refuseEnded(present, "cancel");
      return { state: "canceled", sweeping: { reason: "CANCELED" } };
    });
    return view(record);
  }

  return { find, view, change, rejudge, pause, resume, advance, patch, cancel };
}

/** A deployment that has ended is steered no more. */
export function refuseEnded(record: DeploymentRecord, verb: string): void {
  if (record.state !== "finished" && record.state !== "canceled") return;
  throw new OtauError(
    "DEPLOYMENT_FINISHED",
    `Deployment ${record.id} is ${record.state}; ${verb} does nothing any more. Retry its updates or apply the package again.`,
  );
}

const tooEarly = (expiresAt: unknown) =>
  new OtauError(
    "INVALID_INPUT",
    `expiresAt ${expiresAt} lies before now or before the start; name a later time, or cancel the deployment.`,
    { errors: [{ path: "/expiresAt", message: "must lie after now and after startAt" }] },
  );

/** The limits that are named; one named as undefined is none. */
function given({ maxConcurrent, ratePerMinute }: DeploymentPatch["rollout"] = {}): DeploymentChange {
  return {
    ...(maxConcurrent === undefined ? {} : { maxConcurrent }),
    ...(ratePerMinute === undefined ? {} : { ratePerMinute }),
  };
}
