import { decide } from "../../modules/otau/decide.ts";
import { dueAt } from "../../modules/otau/due.ts";
import type {
  Deployment,
  Device,
  DeviceEvent,
  HistoryLine,
  Limits,
  Outage,
  Outcome,
  Update,
} from "../../modules/otau/model.ts";
import { type Actor, isFinalState, type UpdateState } from "../../modules/otau/vocabulary.ts";
import type { Scenario } from "./scenario.ts";
import { checkOutcome } from "./scenario-invariants.ts";

const startedAt = Date.UTC(2026, 0, 5);
const defaultLimits: Limits = { outageGraceMs: 60_000, clockSkewMs: 5000, reportsPerSecond: 5 };
const outageTickMs = 500;
const person: Actor = { kind: "token", id: "operator" };
export const clockActor: Actor = { kind: "timer", id: "sweep" };

/** A device of a scenario with its history; a deleted one goes on being counted. */
export type Member = { device: Device; readonly lines: HistoryLine[]; deleted: boolean };
/** A deployment of a scenario; its id is the name that the scenario gives it. */
export type Held = Deployment & { readonly startAt?: number; readonly members: readonly string[] };
export type Stage = ReturnType<typeof makeStage>;

/** Devices, deployments and a moved clock, and the few lines that stand for releaser, conductor and sweep. */
export function makeStage(scenario: Scenario) {
  const limits = { ...defaultLimits, ...scenario.limits } as Limits;
  const members = new Map<string, Member>();
  const deployments = new Map<string, Held>();
  const outages: Outage[] = [];
  let now = startedAt;
  for (const [identity, facts] of Object.entries(scenario.devices)) addDevice(identity, facts);

  function addDevice(identity: string, { installedVersion }: { installedVersion?: string | undefined }) {
    const device: Device = {
      productId: "default",
      identity,
      uid: `u${members.size + 1}`,
      revision: 1,
      createdAt: now,
      tags: {},
      ...(installedVersion === undefined ? {} : { installedVersion }),
      drifted: false,
      updates: [],
      pastLoaded: true,
      historySeq: 0,
      eventSeq: 0,
    };
    members.set(identity, { device, lines: [], deleted: false });
  }

  function memberOf(identity: string): Member {
    const member = members.get(identity);
    if (member === undefined) throw new Error(`the scenario has no device ${identity}`);
    return member;
  }

  function deploymentOf(name: string): Held {
    const deployment = deployments.get(name);
    if (deployment === undefined) throw new Error(`the scenario has no deployment ${name}`);
    return deployment;
  }

  function change(name: string, changes: Partial<Held>): void {
    deployments.set(name, { ...deploymentOf(name), ...changes });
  }

  function weigh(member: Member, event: DeviceEvent, actor: Actor): Outcome {
    const facts = { now, random: 0.5, deployments, limits, outages, actor };
    const outcome = decide(member.device, event, facts);
    checkOutcome(member.device, event, outcome);
    return outcome;
  }

  function keep(member: Member, outcome: Outcome): void {
    member.device = outcome.device;
    member.lines.push(...outcome.lines);
    for (const fold of outcome.folds) {
      const index = member.lines.findIndex(({ seq }) => seq === fold.seq);
      const line = member.lines[index];
      if (line === undefined) throw new Error(`a fold names line ${fold.seq}, which is not there`);
      const message = fold.message === undefined ? {} : { message: fold.message };
      member.lines[index] = { ...line, ...message, count: (line.count ?? 1) + 1, lastAt: fold.lastAt };
    }
  }

  function act(member: Member, event: DeviceEvent, actor: Actor = person): Outcome {
    const outcome = weigh(member, event, actor);
    keep(member, outcome);
    return outcome;
  }

  function present(): readonly Member[] {
    return [...members.values()].filter(({ deleted }) => !deleted);
  }

  function slotsHeld(name: string): number {
    const updates = [...members.values()].flatMap(({ device }) => device.updates);
    return updates.filter(({ deploymentId, slot }) => deploymentId === name && slot === true).length;
  }

  function releaseOne(member: Member, deployment: Held): boolean {
    const update = updateOf(member, deployment.id);
    if (update?.ready !== true) return false;
    const outcome = weigh(member, { type: "release", deploymentId: deployment.id }, clockActor);
    const full =
      deployment.maxConcurrent !== undefined && slotsHeld(deployment.id) >= deployment.maxConcurrent;
    if ((outcome.writes && full) || outcome.device === member.device) return false;
    keep(member, outcome);
    return true;
  }

  /** Releases what is ready, until nothing more moves; then what is all final is finished. */
  function settle(): void {
    for (let moved = true; moved; ) {
      moved = false;
      for (const deployment of [...deployments.values()].sort((a, b) => a.seq - b.seq)) {
        if (deployment.state !== "running") continue;
        for (const member of present()) moved = releaseOne(member, deployment) || moved;
      }
    }
    for (const { id, state } of deployments.values()) {
      const states = statesOf(id);
      const open = state === "running" || state === "paused" || state === "halted";
      if (open && states.length > 0 && states.every(isFinalState)) change(id, { state: "finished" });
    }
  }

  function statesOf(name: string): readonly UpdateState[] {
    const updates = [...members.values()].flatMap(({ device }) => device.updates);
    return updates.filter(({ deploymentId }) => deploymentId === name).map(({ state }) => state);
  }

  function startDue(): void {
    for (const { id, state, startAt } of deployments.values()) {
      if (state === "scheduled" && startAt !== undefined && startAt <= now) change(id, { state: "running" });
    }
  }

  function tickAll(): boolean {
    startDue();
    let changed = false;
    for (const member of present()) {
      const before = member.device;
      act(member, { type: "tick" }, clockActor);
      changed = changed || member.device !== before;
    }
    settle();
    return changed;
  }

  function nextDue(): number {
    const starts = [...deployments.values()].flatMap(({ state, startAt }) =>
      state === "scheduled" && startAt !== undefined ? [startAt] : [],
    );
    const dues = present().map(
      ({ device }) => dueAt(device, deployments, limits) ?? Number.POSITIVE_INFINITY,
    );
    return Math.min(...starts, ...dues, Number.POSITIVE_INFINITY);
  }

  function moveTo(target: number): void {
    for (let due = nextDue(); due <= target; due = nextDue()) {
      if (due - 1 > now) {
        now = due - 1;
        for (const member of present()) {
          const early = weigh(member, { type: "tick" }, clockActor).device !== member.device;
          if (early)
            throw new Error(`something fired before it was due, ${due - startedAt} ms after the beginning`);
        }
      }
      now = Math.max(due, now);
      const startsBefore = [...deployments.values()].map(({ state }) => state).join();
      const changed = tickAll();
      const started = [...deployments.values()].map(({ state }) => state).join() !== startsBefore;
      if (!changed && !started)
        throw new Error(`a tick was due ${due - startedAt} ms after the beginning, and changed nothing`);
    }
    now = target;
  }

  /** With an outage about, what is due may be held back: time goes on in small steps, none while it lasts. */
  function moveThroughOutage(target: number): void {
    while (now < target) {
      now = Math.min(now + outageTickMs, target);
      if (outages.every(({ to }) => to !== undefined)) tickAll();
    }
  }

  return {
    startedAt,
    now: () => now,
    members,
    deployments,
    outages,
    addDevice,
    memberOf,
    deploymentOf,
    change,
    weigh,
    act,
    present,
    settle,
    statesOf,
    tickAll,
    moveTo: (target: number) => (outages.length > 0 ? moveThroughOutage(target) : moveTo(target)),
  };
}

/** The device's update of the deployment so named. */
export function updateOf({ device }: { readonly device: Device }, name: string): Update | undefined {
  return device.updates.find(({ deploymentId }) => deploymentId === name);
}
