import { OtauError } from "../errors.ts";
import { decide, needsPast } from "../otau/decide.ts";
import { dueAt } from "../otau/due.ts";
import type { Device, DeviceEvent, Facts, JournalEvent, Limits, Outage, Outcome } from "../otau/model.ts";
import type { Actor } from "../otau/vocabulary.ts";
import { holds } from "./device-credential.ts";
import { commitMaxMs, owedBy } from "./owed-values.ts";
import type {
  CommitResult,
  ConnectorCalls,
  DeploymentRecord,
  DeviceChange,
  DeviceRef,
  DeviceStore,
  LoadedDevice,
  OwedValue,
} from "./ports.ts";

/** Decisions are made again this often when the device changed meanwhile; then the caller is told to come back. */
const attemptsMax = 8;

export type ActDeps = {
  readonly devices: DeviceStore;
  readonly limitsOf: (productId: string) => Promise<Limits>;
  readonly outages: () => Promise<readonly Outage[]>;
  readonly random: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Of products whose values are handed over by an outside platform's connector. */
  readonly connector?: {
    readonly isUsed: (productId: string) => Promise<boolean>;
    readonly expect: ConnectorCalls["expect"];
  };
  /** Called after each commit that moved a deployment's totals or that a journal line was written with. */
  readonly committed: (ref: DeviceRef, outcome: Outcome) => void;
  /** Named points at which tests end the process; does nothing otherwise. */
  readonly failPoint: (name: string) => void;
};

/** What may change of a device beside what is decided: its credential, and its tags. */
export type DeviceExtrasChange = Pick<DeviceChange, "tokenPrefix" | "activatedAt" | "session"> & {
  readonly tags?: Device["tags"];
  /** As an operator or another platform knows it. */
  readonly installedVersion?: string;
};

type Tells = "device.connected" | "device.disconnected";

export type ActOptions = {
  readonly actor: Actor;
  /** What the device must still hold (see `credentialText`): UNAUTHORIZED otherwise. */
  readonly credential?: string;
  /** The device was heard from. */
  readonly seen?: boolean;
  /** Old final updates are wanted whatever the event. */
  readonly past?: boolean;
  /** Stores when the device is due next even if nothing else came of it: its present entry is out of date. */
  readonly movesDue?: true;
  /** A deployment that the device is about to join. */
  readonly joining?: DeploymentRecord;
  /** Fields of the record that no decision touches; undefined = none. */
  readonly extras?: (loaded: LoadedDevice) => DeviceExtrasChange | undefined;
  /** A journal line that is written even if nothing else changes, unless the function says there is none. */
  readonly tells?: Tells | ((loaded: LoadedDevice) => Tells | undefined);
};

/** What to do with a device, seen as it is now; an empty list = nothing. */
export type Plan = (loaded: LoadedDevice) => readonly DeviceEvent[];

/** What came of a plan: the outcomes merged, in order, with the device as it was stored. */
export type Acted = {
  readonly before: LoadedDevice;
  /** Something was stored. */
  readonly changed: boolean;
  readonly outcome: Outcome;
  readonly outcomes: readonly Outcome[];
};

/** Which outcomes may be stored; `at` = when their writes got leave. */
export type Admit = <Each extends Acted>(
  acted: readonly Each[],
) => Promise<{ readonly admitted: readonly Each[]; readonly at?: number }>;

type Decided = Acted & {
  readonly change: DeviceChange | undefined;
  /** What the change owes an outside platform. */
  readonly owed: readonly OwedValue[];
};

function joined(loaded: LoadedDevice, deployment: DeploymentRecord): LoadedDevice {
  if (loaded.deployments.has(deployment.id)) return loaded;
  return { ...loaded, deployments: new Map([...loaded.deployments, [deployment.id, deployment]]) };
}

/** Several events in a row on one device are one outcome: what they leave behind is stored in one commit. */
function merge(device: Device, outcomes: readonly Outcome[]): Outcome {
  const last = outcomes.at(-1);
  return {
    ...(last ?? { lines: [], folds: [], events: [] }),
    device: last?.device ?? device,
    lines: outcomes.flatMap((outcome) => outcome.lines),
    folds: outcomes.flatMap((outcome) => outcome.folds),
    events: outcomes.flatMap((outcome) => outcome.events),
    ...(outcomes.some((outcome) => outcome.writes) ? { writes: true as const } : {}),
    ...(outcomes.some((outcome) => outcome.notify) ? { notify: true as const } : {}),
  };
}

/** A merged outcome raises the revision once, as it is one commit. */
function oneRevision(before: Device, outcome: Outcome): Outcome {
  if (outcome.device === before) return outcome;
  return { ...outcome, device: { ...outcome.device, revision: before.revision + 1 } };
}

/** A version that an operator enters is measured against the last confirmed one as a reported one is. */
function withDrift(device: Device, edits: { readonly installedVersion?: string }): Device {
  if (edits.installedVersion === undefined || device.confirmedVersion === undefined) return device;
  return { ...device, drifted: device.installedVersion !== device.confirmedVersion };
}

/** Deployments whose present facts the decision rested on: those of the live and of the changed updates. */
function fencesOf(loaded: LoadedDevice, after: Device): DeviceChange["fences"] {
  const known = new Map(loaded.device.updates.map((update) => [update.deploymentId, update]));
  return after.updates
    .filter((update) => known.get(update.deploymentId) !== update)
    .flatMap((update) => {
      const deployment = loaded.deployments.get(update.deploymentId);
      return deployment ? [{ deploymentId: deployment.id, generation: deployment.generation }] : [];
    });
}

const isText = (value: unknown): boolean => typeof value === "string";

export type DeviceActions = ReturnType<typeof makeDeviceActions>;

/**
 * Load, decide, commit: the one way in which a device changes. A change that lost a race is decided afresh on what
 * is there now.
 */
export function makeDeviceActions(deps: ActDeps) {
  const { devices } = deps;

  async function decideOn(found: LoadedDevice, plan: Plan, options: ActOptions): Promise<Decided> {
    const loaded = options.joining ? joined(found, options.joining) : found;
    const viaConnector = (await deps.connector?.isUsed(loaded.device.productId)) === true;
    const facts: Facts = {
      ...(viaConnector ? { viaConnector } : {}),
      now: loaded.now,
      random: deps.random(),
      deployments: loaded.deployments,
      limits: await deps.limitsOf(loaded.device.productId),
      outages: await deps.outages(),
      actor: options.actor,
    };
    let device = loaded.device;
    const outcomes = plan(loaded).map((event) => {
      const outcome = decide(device, event, facts);
      device = outcome.device;
      return outcome;
    });
    const outcome = oneRevision(loaded.device, merge(loaded.device, outcomes));
    const change = await changeOf(loaded, outcome, options);
    const owed = viaConnector && change !== undefined ? owedBy(outcome) : [];
    return { before: loaded, outcome, outcomes, changed: change !== undefined, change, owed };
  }

  async function changeOf(
    before: LoadedDevice,
    outcome: Outcome,
    options: ActOptions,
  ): Promise<DeviceChange | undefined> {
    const { tags, installedVersion, ...extras } = options.extras?.(before) ?? {};
    const edits = {
      ...(tags ? { tags } : {}),
      ...(installedVersion === undefined ? {} : { installedVersion }),
    };
    const isEdited = Object.keys(edits).length + Object.keys(extras).length > 0;
    const tells = typeof options.tells === "function" ? options.tells(before) : options.tells;
    const type: JournalEvent["type"] | undefined = tells ?? (isEdited ? "device.changed" : undefined);
    const { productId } = before.device;
    const outages = await deps.outages();
    const dueOf = async (device: Device) =>
      dueAt(device, before.deployments, await deps.limitsOf(productId), outages);
    if (outcome.device === before.device && type === undefined) {
      if (options.movesDue !== true) return undefined;
      const next = await dueOf(before.device);
      if (next !== undefined && next <= before.now) return undefined;
    }
    const revision = before.device.revision + 1;
    const seq = outcome.device.eventSeq + 1;
    const version = installedVersion === undefined ? {} : { version: installedVersion };
    const told = type && { at: before.now, type, seq, ...version, actor: options.actor, revision };
    const eventSeq = told?.seq ?? outcome.device.eventSeq;
    const after = withDrift({ ...outcome.device, ...edits, eventSeq, revision }, edits);
    return {
      before: before.device,
      after,
      lines: outcome.lines,
      folds: outcome.folds,
      events: told ? [...outcome.events, told] : outcome.events,
      dueAt: await dueOf(after),
      fences: fencesOf(before, after),
      // Who is connected or waits under a credential that has ended hears of it.
      notify: outcome.notify === true || extras.tokenPrefix !== undefined || isText(extras.session),
      ...(options.seen ? { seenAt: before.now } : {}),
      ...extras,
    };
  }

  function store(decided: readonly Decided[]): Promise<CommitResult[]> {
    const changes = decided.flatMap(({ change }) => (change === undefined ? [] : [change]));
    return changes.length === 0 ? Promise.resolve([]) : devices.commitMany(changes);
  }

  /** Noted before the commit as well: what it owes is called for even if this process ends right after it. */
  async function expectCalls(owed: readonly OwedValue[], delayMs: number): Promise<void> {
    if (owed.length > 0) await deps.connector?.expect(owed, delayMs);
  }

  function authorise(loaded: LoadedDevice, options: ActOptions): void {
    if (options.credential === undefined || holds(loaded.extras, options.credential)) return;
    throw new OtauError(
      "UNAUTHORIZED",
      "The device token has been replaced or revoked; activate the device again.",
    );
  }

  async function loadFor(ref: DeviceRef, plan: Plan, options: ActOptions): Promise<LoadedDevice | undefined> {
    const loaded = await devices.load(ref, options.past ? { past: true } : {});
    if (loaded === undefined || loaded.device.pastLoaded) return loaded;
    const wanted = plan(loaded).some((event) => needsPast(loaded.device, event, loaded.deployments));
    return wanted ? devices.load(ref, { past: true }) : loaded;
  }

  /** Undefined when the device does not exist. STORE_UNAVAILABLE when the device would not hold still. */
  async function act(ref: DeviceRef, plan: Plan, options: ActOptions): Promise<Acted | undefined> {
    for (let attempt = 1; attempt <= attemptsMax; attempt++) {
      const loaded = await loadFor(ref, plan, options);
      if (loaded === undefined) return undefined;
      authorise(loaded, options);
      const { change, owed, ...acted } = await decideOn(loaded, plan, options);
      if (change === undefined) return acted;
      await expectCalls(owed, commitMaxMs);
      deps.failPoint("commit:decided");
      const [result] = await devices.commitMany([change]);
      deps.failPoint("commit:stored");
      if (result === "done") {
        await expectCalls(owed, 0);
        deps.committed(ref, acted.outcome);
        return acted;
      }
      if (result === "gone") return undefined;
      await deps.sleep(deps.random() * 2 ** attempt);
    }
    throw new OtauError(
      "STORE_UNAVAILABLE",
      `The device ${ref.identity} changed ${attemptsMax} times while this was being stored; nothing was done, try again.`,
      { retryAfterSeconds: 1 },
    );
  }

  async function stamped(
    { admitted, at }: { readonly admitted: readonly Decided[]; readonly at?: number },
    plan: Plan,
    options: ActOptions,
  ): Promise<readonly Decided[]> {
    if (at === undefined) return admitted;
    return Promise.all(
      admitted.map((each) =>
        each.outcome.writes ? decideOn({ ...each.before, now: at }, plan, options) : each,
      ),
    );
  }

  /**
   * The same for many devices, read and written in batches. `admit` may hold outcomes back before they are stored
   * (a rate, free slots); writes are then decided for the time at which they got leave, as a rate is kept by that.
   * What lost a race is tried again on its own, under the leave it already has.
   */
  async function actOnMany(
    refs: readonly DeviceRef[],
    plan: Plan,
    options: ActOptions,
    admit: Admit = async (acted) => ({ admitted: acted }),
  ): Promise<{ acted: Acted[]; heldBack: number }> {
    const loaded = (await devices.loadMany(refs, options.past ? { past: true } : {})).filter(
      (entry) => entry !== undefined,
    );
    const decided = await Promise.all(loaded.map((entry) => decideOn(entry, plan, options)));
    const leave = await admit(decided);
    const admitted = await stamped(leave, plan, options);
    const changing = admitted.filter(({ change }) => change !== undefined);
    await expectCalls(
      changing.flatMap(({ owed }) => owed),
      commitMaxMs,
    );
    const results = await store(changing);
    if (changing.some(({ owed }) => owed.length > 0)) deps.failPoint("connector:owed");
    await expectCalls(
      changing.flatMap(({ owed }, index) => (results[index] === "done" ? owed : [])),
      0,
    );
    let heldBack = decided.length - admitted.length;
    const done: Acted[] = admitted.filter(({ change }) => change === undefined);
    for (const [index, acted] of changing.entries()) {
      const ref = { productId: acted.before.device.productId, identity: acted.before.device.identity };
      if (results[index] === "done") {
        deps.committed(ref, acted.outcome);
        done.push(acted);
      } else if (results[index] === "fenced" && acted.outcome.writes) {
        // The leave for the write was given by a deployment that has changed: it is asked for anew.
        heldBack++;
      } else if (results[index] !== "gone") {
        const again = await act(ref, plan, options);
        if (again !== undefined) done.push(again);
      }
    }
    return { acted: done, heldBack };
  }

  return { act, actOnMany };
}
