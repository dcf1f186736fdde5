import { ordinalLimit } from "../otau/rollout-waves.ts";
import type { Acted, DeviceActions } from "./act-on-device.ts";
import type { DirectRollout } from "./direct-rollout.ts";
import type { JudgeWindows, WindowsNow } from "./judge-windows.ts";
import type { DeploymentRecord, DeploymentStore, DeviceStore, Leases } from "./ports.ts";

const batch = 100;
const leaseMs = 4000;
/** A long release looks at its gate so often. */
const directEveryMs = 250;

export type ReleaseDeps = {
  readonly devices: DeviceStore;
  readonly deployments: DeploymentStore;
  readonly leases: Leases;
  readonly actOnMany: DeviceActions["actOnMany"];
  readonly directRollout: DirectRollout;
  readonly judgeWindows: JudgeWindows;
  readonly monotonicMs: () => number;
  readonly holder: string;
  readonly failPoint: (name: string) => void;
};

/** What a round left behind: whether updates still wait for a place, and when the rate has one or a window opens. */
export type ReleaseRound = {
  readonly unfinished: boolean;
  readonly nextAt?: number;
  /** All that waits for a place waits for a window: until then there is nothing to do. */
  readonly sleeps?: true;
};

type Leave = { readonly granted: number; readonly at?: number };

/** Leave for a number of writes, asked for as they are needed. */
type Allowance = {
  /** How many of `want` writes may be made now; with a rate, `at` is the time that counts for it. */
  take(want: number): Promise<Leave>;
  nextAt(): number | undefined;
};

/** Windows as a round meets them: writes pass while theirs is open. */
type Gates = {
  /** No device can be written to, whichever it is. */
  readonly allClosed: boolean;
  admit<Each extends Acted>(acted: readonly Each[]): readonly Each[];
  hasHeld(): boolean;
  /** When the first closed one opens that was met. */
  opening(): { readonly nextAt?: number };
};

type Round = { readonly allowance: Allowance; readonly gates: Gates; readonly goOn: () => Promise<boolean> };

function gatesOf(windows: WindowsNow | undefined): Gates {
  let held = 0;
  let nextAt: number | undefined;
  const close = (opensAt: number | undefined) => {
    held++;
    if (opensAt !== undefined && opensAt < (nextAt ?? Number.POSITIVE_INFINITY)) nextAt = opensAt;
  };
  const common = windows?.isCommon ? windows.stateFor({}) : undefined;
  if (common?.isOpen === false) close(common.opensAt);
  const passes = ({ before, outcome }: Acted): boolean => {
    const state = outcome.writes ? windows?.stateFor(before.device.tags) : undefined;
    if (state === undefined || (state.isOpen && before.now < state.until)) return true;
    // A window that ended during the round is judged anew in the next.
    close(state.isOpen ? before.now : state.opensAt);
    return false;
  };
  return {
    allClosed: held > 0,
    admit: (acted) => (windows === undefined ? acted : acted.filter(passes)),
    hasHeld: () => held > 0,
    opening: () => (nextAt === undefined ? {} : { nextAt }),
  };
}

/**
 * Writes what a running deployment has ready, in batches, shard by shard, as far as its rate and its slots go. One
 * process at a time does it for a deployment (a lease); a crash anywhere is resumed by the next, as what is written
 * is no longer ready.
 */
export function makeReleaseDeployment(deps: ReleaseDeps) {
  const { devices, deployments, leases } = deps;

  function allowanceOf(deployment: DeploymentRecord): Allowance {
    let nextAt: number | undefined;
    return {
      nextAt: () => nextAt,
      take: async (want) => {
        // Limits may have been changed since the round began: then it ends, and the next one goes by them.
        const fresh = await deployments.refresh(deployment.productId, deployment.id);
        if (fresh === undefined || !hasSameLimits(fresh, deployment)) return { granted: 0 };
        const slots =
          deployment.maxConcurrent === undefined
            ? want
            : Math.max(0, deployment.maxConcurrent - (await devices.slotsHeld(deployment.id)));
        const asked = Math.min(want, slots);
        if (asked === 0 || deployment.ratePerMinute === undefined) return { granted: asked };
        const taken = await deployments.takeRate(
          deployment.productId,
          deployment.id,
          deployment.ratePerMinute,
          asked,
        );
        if (taken.granted < asked) nextAt = taken.nextAt;
        return { granted: taken.granted, at: taken.at };
      },
    };
  }

  /** Whether the deployment may go on: asked while a release is under way, as a gate or brake may trip meanwhile. */
  function makeGoOn(deployment: DeploymentRecord): () => Promise<boolean> {
    let nextLookAt = deps.monotonicMs() + directEveryMs;
    return async () => {
      if (deps.monotonicMs() < nextLookAt) return true;
      nextLookAt = deps.monotonicMs() + directEveryMs;
      const fresh = (await deployments.refresh(deployment.productId, deployment.id)) ?? deployment;
      return (await deps.directRollout(fresh)).state === "running";
    };
  }

  async function releaseShard(
    deployment: DeploymentRecord,
    shard: number,
    { allowance, gates, goOn }: Round,
  ): Promise<boolean> {
    let from = 0;
    const { id, productId, waves = [], openWave = 1 } = deployment;
    const until = ordinalLimit(waves, openWave, shard);
    for (;;) {
      const page = await devices.readyMembers(id, productId, shard, from, batch, until);
      if (page.refs.length > 0) {
        let refused = 0;
        await deps.actOnMany(
          page.refs,
          () => [{ type: "release", deploymentId: deployment.id }],
          { actor: { kind: "system", id: "release" } },
          async (acted) => {
            const inTime = gates.admit(acted);
            const leave = await admit(inTime, allowance);
            refused = inTime.length - leave.admitted.length;
            deps.failPoint("release:admitted");
            return leave;
          },
        );
        deps.failPoint("release:batch");
        if (refused > 0) return false;
      }
      if (page.next === undefined) return true;
      from = page.next;
      if (!(await leases.renew(leaseName(deployment), deps.holder, leaseMs))) return false;
      if (!(await goOn())) return false;
    }
  }

  async function releaseAll(deployment: DeploymentRecord): Promise<ReleaseRound> {
    const windows = await deps.judgeWindows(deployment, await devices.now());
    const gates = gatesOf(windows);
    if (gates.allClosed) return { unfinished: true, sleeps: true, ...gates.opening() };
    const allowance = allowanceOf(deployment);
    const limited = deployment.maxConcurrent !== undefined || deployment.ratePerMinute !== undefined;
    const round: Round = { allowance, gates, goOn: makeGoOn(deployment) };
    const shards = Array.from({ length: devices.shardCount }, (_, shard) => shard);
    let finished = true;
    const lane = async () => {
      for (let shard = shards.shift(); shard !== undefined; shard = shards.shift()) {
        finished = (await releaseShard(deployment, shard, round)) && finished;
        if (!finished) return;
      }
    };
    // Slots are counted before each batch, so batches that share them must not overlap.
    await Promise.all(limited ? [lane()] : [lane(), lane()]);
    const nextAt = allowance.nextAt();
    if (finished && gates.hasHeld()) return { unfinished: true, sleeps: true, ...gates.opening() };
    return { unfinished: !finished, ...(nextAt === undefined ? {} : { nextAt }) };
  }

  return async function releaseDeployment(deployment: DeploymentRecord): Promise<ReleaseRound> {
    if (deployment.state !== "running") return { unfinished: false };
    const lease = await leases.acquire(leaseName(deployment), deps.holder, leaseMs);
    if (lease === undefined) return { unfinished: true };
    try {
      return await releaseAll(deployment);
    } finally {
      await leases.release(leaseName(deployment), deps.holder);
    }
  };
}

const hasSameLimits = (fresh: DeploymentRecord, known: DeploymentRecord): boolean =>
  fresh.state === known.state &&
  fresh.maxConcurrent === known.maxConcurrent &&
  fresh.ratePerMinute === known.ratePerMinute;

const leaseName = (deployment: DeploymentRecord) => `release/${deployment.id}`;

/** Everything that writes nothing may pass; writes as far as there is leave for them, first come first served. */
async function admit<Each extends Acted>(
  acted: readonly Each[],
  allowance: Allowance,
): Promise<{ readonly admitted: readonly Each[]; readonly at?: number }> {
  const writers = acted.filter(({ outcome }) => outcome.writes);
  if (writers.length === 0) return { admitted: acted };
  const { granted, at } = await allowance.take(writers.length);
  const refused = new Set(writers.slice(granted));
  const admitted = acted.filter((each) => !refused.has(each));
  return at === undefined ? { admitted } : { admitted, at };
}
