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
import { readReport } from "../../modules/otau/report-text.ts";
import { resolveStamp } from "../../modules/otau/stamps.ts";
import { updateIdOf } from "../../modules/otau/update-id.ts";
import { toHistoryView, toUpdateView } from "../../modules/otau/update-view.ts";
import {
  type Actor,
  isFinalState,
  isLiveState,
  type UpdateState,
  updateStates,
} from "../../modules/otau/vocabulary.ts";
import { packageOf, policyOf, type Scenario, type Step, type StepOf } from "./scenario.ts";
import { checkOutcome } from "./scenario-invariants.ts";
import type { StepResult, View, World } from "./scenario-runner.ts";

const startedAt = Date.UTC(2026, 0, 5);
const defaultLimits: Limits = { outageGraceMs: 60_000, clockSkewMs: 5000, reportsPerSecond: 5 };
const retriable = ["failed", "timed_out", "aborted", "canceled"] as const;
const outageTickMs = 500;

type Member = { device: Device; readonly lines: HistoryLine[]; deleted: boolean };
type Held = Deployment & { readonly startAt?: number; readonly members: readonly string[] };

/** A world of the bare domain: the clock is moved, and a few lines stand for the releaser and the conductor. */
export function openDomainWorld(scenario: Scenario): World {
  const limits = { ...defaultLimits, ...scenario.limits } as Limits;
  const members = new Map<string, Member>();
  const deployments = new Map<string, Held>();
  const withdrawn = new Set<string>();
  const outages: Outage[] = [];
  const person: Actor = { kind: "token", id: "operator" };
  const clock: Actor = { kind: "timer", id: "sweep" };
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
    const outcome = weigh(member, { type: "release", deploymentId: deployment.id }, clock);
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
      act(member, { type: "tick" }, clock);
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
          const early = weigh(member, { type: "tick" }, clock).device !== member.device;
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

  const play = makePlay();

  function makePlay(): { readonly [Kind in Step["do"]]: (step: StepOf<Kind>) => StepResult } {
    return {
      apply,
      enrol: ({ deployment }) => enrol(deploymentOf(deployment)),
      report,
      deliver: ({ device }) => {
        const member = memberOf(device);
        const { configSet } = member.device;
        if (configSet) act(member, { type: "delivered", timestampUs: configSet.timestampUs });
        return {};
      },
      wait: () => ({}),
      cancel: (step) => onUpdate(step, cancelChoice, "NOT_FOUND", cancelUpdate),
      retry: (step) => onUpdate(step, retryChoice, "NOTHING_TO_RETRY", retryUpdate),
      pause,
      resume,
      cancelDeployment,
      retryDeployment,
      withdraw,
      restore: (step) => {
        withdrawn.delete(packageOf(step));
        return markWithdrawn(packageOf(step), false);
      },
      addDevice: (step) => {
        addDevice(step.device, step);
        return {};
      },
      deleteDevice: ({ device }) => {
        const member = memberOf(device);
        act(member, { type: "deviceDeleted" });
        member.deleted = true;
        return {};
      },
      setConfig,
      outageBegins: () => {
        outages.push({ from: now });
        return {};
      },
      outageEnds: () => {
        const open = outages.pop();
        if (open) outages.push({ ...open, to: now });
        tickAll();
        return {};
      },
    };
  }

  function newDeployment(name: string, packageId: string, version: string, more: Partial<Held>): Held {
    const deployment: Held = {
      id: name,
      productId: "default",
      seq: deployments.size + 1,
      packageId,
      version,
      source: "apply",
      configText: configText(packageId, version),
      ...policyOf(scenario, {}),
      force: false,
      onActive: "supersede",
      createdAt: now,
      state: "running",
      withdrawn: withdrawn.has(packageId),
      members: [],
      ...more,
    };
    deployments.set(name, deployment);
    return deployment;
  }

  function apply(step: StepOf<"apply">): StepResult {
    const packageId = packageOf(step);
    if (withdrawn.has(packageId)) return { refused: "PACKAGE_WITHDRAWN" };
    const { options } = step;
    const time = (key: string) => (typeof options[key] === "number" ? startedAt + options[key] : undefined);
    const rollout = options["rollout"] as { readonly maxConcurrent?: number } | undefined;
    const all = present().map(({ device }) => device.identity);
    const deployment = newDeployment(step.deployment, packageId, step.version, {
      ...policyOf(scenario, options),
      force: options["force"] === true,
      onActive: (options["onActive"] as Deployment["onActive"] | undefined) ?? "supersede",
      members: step.devices === "all" ? all : step.devices,
      ...defined("expiresAt", time("expiresAt")),
      ...defined("startAt", time("startAt")),
      ...defined("maxConcurrent", rollout?.maxConcurrent),
      ...(time("startAt") === undefined ? {} : { state: "scheduled" as const }),
    });
    if (step.devices !== "all" && deployment.members.some((identity) => isBusy(identity, deployment))) {
      deployments.delete(step.deployment);
      return { refused: "UPDATE_IN_PROGRESS" };
    }
    return step.held ? {} : enrol(deployment);
  }

  /** Whether the release would end so, tried without keeping what comes of it. */
  function isBusy(identity: string, { id, onActive }: Held): boolean {
    if (onActive !== "reject") return false;
    const member = { ...memberOf(identity) };
    member.device = weigh(member, { type: "enrol", deploymentId: id }, clock).device;
    member.device = weigh(member, { type: "release", deploymentId: id }, clock).device;
    return updateOf(member, id)?.reason === "UPDATE_IN_PROGRESS";
  }

  function enrol({ id, members: identities }: Held): StepResult {
    for (const identity of identities) act(memberOf(identity), { type: "enrol", deploymentId: id });
    return {};
  }

  function setConfig({ deployment, version, text, device }: StepOf<"setConfig">): StepResult {
    const member = memberOf(device);
    if (text !== undefined) {
      act(member, { type: "setConfigText", text, timestampUs: now * 1000 });
      return {};
    }
    const packageId = `package_${version}`;
    const live = member.device.updates.find(({ state }) => isLiveState(state));
    const same = live && deploymentOf(live.deploymentId).configText === configText(packageId, version);
    if (same) return {};
    const more = { source: "device2", force: true, members: [device] } as const;
    return enrol(newDeployment(deployment, packageId, version, more));
  }

  function report(step: StepOf<"report">): StepResult {
    const { status, message } = step;
    const version = step.version ?? deployments.get(step.deployment)?.version;
    const value = step.raw === undefined ? JSON.stringify({ version, status, message }) : step.raw;
    const reading = readReport(value);
    const raw = typeof value === "string" ? value : JSON.stringify(value);
    const supplied = step.stamp === undefined ? step.stampSeconds : (startedAt + step.stamp) * 1000;
    const stamp = resolveStamp(supplied, now);
    const outcome = act(
      memberOf(step.device),
      {
        type: "report",
        report: reading.ok ? { ...reading, raw } : { ok: false, raw, why: reading.why },
        stampedAt: stamp.stampedAtMs,
        stampSupplied: stamp.supplied,
        ...(stamp.clockWrong ? { clockWrong: true as const } : {}),
      },
      { kind: "device", id: step.device },
    );
    return outcome.decision === undefined ? {} : { decision: outcome.decision };
  }

  function onUpdate(
    { device, update: named }: StepOf<"cancel" | "retry">,
    choose: (updates: readonly Update[]) => Update | undefined,
    otherwise: string,
    doIt: (member: Member, update: Update) => StepResult,
  ): StepResult {
    const member = memberOf(device);
    const newestFirst = member.device.updates.toSorted(
      (a, b) => deploymentOf(b.deploymentId).seq - deploymentOf(a.deploymentId).seq,
    );
    const update = named === undefined ? choose(newestFirst) : updateOf(member, named);
    return update === undefined ? { refused: otherwise } : doIt(member, update);
  }

  function cancelUpdate(member: Member, { deploymentId }: Update): StepResult {
    return refusalOf(act(member, { type: "cancel", deploymentId, reason: "CANCELED" }));
  }

  function retryUpdate(member: Member, { deploymentId, state }: Update): StepResult {
    if (!(retriable as readonly UpdateState[]).includes(state)) return { refused: "NOTHING_TO_RETRY" };
    const result = refusalOf(act(member, { type: "retry", deploymentId, states: [state] }));
    if (result.refused === undefined) reopen(deploymentId);
    return result;
  }

  function reopen(name: string): void {
    const { state } = deploymentOf(name);
    if (state === "finished" || state === "canceled") change(name, { state: "running" });
  }

  function pause({ deployment: name }: StepOf<"pause">): StepResult {
    const { state } = deploymentOf(name);
    if (state === "finished" || state === "canceled") return { refused: "DEPLOYMENT_FINISHED" };
    change(name, { state: "paused" });
    for (const member of present()) act(member, { type: "rejudge", deploymentId: name });
    return {};
  }

  function resume({ deployment: name }: StepOf<"resume">): StepResult {
    const { state } = deploymentOf(name);
    if (state === "finished" || state === "canceled") return { refused: "DEPLOYMENT_FINISHED" };
    change(name, { state: "running" });
    return {};
  }

  function cancelDeployment({ deployment: name }: StepOf<"cancelDeployment">): StepResult {
    const { state } = deploymentOf(name);
    if (state === "finished") return { refused: "DEPLOYMENT_FINISHED" };
    change(name, { state: "canceled" });
    for (const member of present()) {
      const update = updateOf(member, name);
      if (update && !isFinalState(update.state)) cancelUpdate(member, update);
    }
    return {};
  }

  function retryDeployment({ deployment: name, states }: StepOf<"retryDeployment">): StepResult {
    const named = [...members.values()].filter(({ device }) =>
      device.updates.some(({ deploymentId, state }) => deploymentId === name && states.includes(state)),
    );
    const left: { identity: string; code: string }[] = [];
    for (const member of named) {
      const event = { type: "retry", deploymentId: name, states } as const;
      const code = member.deleted ? "NOTHING_TO_RETRY" : act(member, event).refused;
      if (code !== undefined) left.push({ identity: member.device.identity, code });
    }
    const retried = named.length - left.length;
    if (retried > 0) reopen(name);
    return { retried, left };
  }

  function withdraw(step: StepOf<"withdraw">): StepResult {
    const packageId = packageOf(step);
    withdrawn.add(packageId);
    markWithdrawn(packageId, true);
    if (!step.stop) return {};
    for (const member of present()) {
      for (const { deploymentId } of member.device.updates) {
        if (deploymentOf(deploymentId).packageId !== packageId) continue;
        const onlyIn = ["waiting", "sent", "retrying"] as const;
        act(member, { type: "cancel", deploymentId, reason: "WITHDRAWN", onlyIn });
      }
    }
    return {};
  }

  function markWithdrawn(packageId: string, value: boolean): StepResult {
    for (const held of deployments.values()) {
      if (held.packageId === packageId) change(held.id, { withdrawn: value });
    }
    return {};
  }

  function totals(name: string): Record<string, number> {
    const states = statesOf(name);
    const counts = updateStates.map((state) => [state, states.filter((other) => other === state).length]);
    return { total: states.length, ...Object.fromEntries(counts) };
  }

  return {
    exact: true,
    startedAt,
    advanceTo: async (at) => {
      const target = startedAt + at;
      if (outages.length > 0) moveThroughOutage(target);
      else moveTo(target);
    },
    run: async (step) => {
      const result = (play[step.do] as (step: Step) => StepResult)(step);
      settle();
      return result;
    },
    update: async (identity, name) => {
      const member = memberOf(identity);
      const update = updateOf(member, name);
      return update && (toUpdateView(member.device, update, deploymentOf(name)) as View);
    },
    device: async (identity) => {
      const { installedVersion, drifted } = memberOf(identity).device;
      return { drifted, ...defined("installedVersion", installedVersion) };
    },
    config: async (identity) => {
      const { configSet } = memberOf(identity).device;
      if (configSet === undefined) return undefined;
      const deployment = "deploymentId" in configSet ? configSet.deploymentId : configSet.text;
      return { deployment, timestampMs: Math.floor(configSet.timestampUs / 1000) };
    },
    history: async (identity) => {
      const { device, lines } = memberOf(identity);
      return lines.map((line) => toHistoryView(line, device) as View);
    },
    totals: async (name) => totals(name),
    deploymentState: async (name) => deploymentOf(name).state,
    updateId: async (identity, name) => updateIdOf(name, memberOf(identity).device.uid),
    checkInvariants: async () => checkWhole(deployments, totals),
  };
}

function checkWhole(
  deployments: ReadonlyMap<string, Held>,
  totals: (name: string) => Record<string, number>,
) {
  for (const { id, members } of deployments.values()) {
    const { total, ...states } = totals(id);
    const sum = Object.values(states).reduce((all, count) => all + count, 0);
    if (sum !== total) throw new Error(`the totals of ${id} do not add up: ${JSON.stringify(states)}`);
    if (sum > members.length) throw new Error(`${id} counts more updates than it has devices`);
  }
}

function updateOf({ device }: { readonly device: Device }, name: string): Update | undefined {
  return device.updates.find(({ deploymentId }) => deploymentId === name);
}

function cancelChoice(newestFirst: readonly Update[]): Update | undefined {
  const live = newestFirst.find(({ state }) => isLiveState(state));
  return live ?? newestFirst.find(({ state }) => state === "waiting") ?? newestFirst[0];
}

function retryChoice(newestFirst: readonly Update[]): Update | undefined {
  return newestFirst.find(({ state }) => (retriable as readonly UpdateState[]).includes(state));
}

function refusalOf({ refused }: Outcome): StepResult {
  return refused === undefined ? {} : { refused };
}

function configText(packageId: string, version: string): string {
  return JSON.stringify({ version, name: packageId, type: "JSON", payload: {} });
}

function defined<Key extends string, Value>(key: Key, value: Value | undefined): { [K in Key]?: Value } {
  return (value === undefined ? {} : { [key]: value }) as { [K in Key]?: Value };
}
