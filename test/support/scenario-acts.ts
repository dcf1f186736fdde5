import type { Deployment, Outcome, Update } from "../../modules/otau/model.ts";
import { readReport } from "../../modules/otau/report-text.ts";
import { resolveStamp } from "../../modules/otau/stamps.ts";
import { isFinalState, isLiveState, type UpdateState } from "../../modules/otau/vocabulary.ts";
import { packageOf, policyOf, type Scenario, type Step, type StepOf } from "./scenario.ts";
import type { StepResult } from "./scenario-runner.ts";
import { clockActor, type Held, type Member, type Stage, updateOf } from "./scenario-stage.ts";

const retriable = ["failed", "timed_out", "aborted", "canceled"] as const;

/** What each kind of step does on the stage. */
export type Acts = { readonly [Kind in Step["do"]]: (step: StepOf<Kind>) => StepResult };

/** The acts of a scenario on the bare domain: what use cases and releaser do around a decision, in a few lines each. */
export function makeActs(scenario: Scenario, stage: Stage): Acts {
  const {
    startedAt,
    now,
    members,
    deployments,
    outages,
    memberOf,
    deploymentOf,
    change,
    weigh,
    act,
    present,
  } = stage;
  const withdrawn = new Set<string>();
  const acts: Acts = {
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
      stage.addDevice(step.device, step);
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
      outages.push({ from: now() });
      return {};
    },
    outageEnds: () => {
      const open = outages.pop();
      if (open) outages.push({ ...open, to: now() });
      stage.tickAll();
      return {};
    },
  };

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
      createdAt: now(),
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
    member.device = weigh(member, { type: "enrol", deploymentId: id }, clockActor).device;
    member.device = weigh(member, { type: "release", deploymentId: id }, clockActor).device;
    return updateOf(member, id)?.reason === "UPDATE_IN_PROGRESS";
  }

  function enrol({ id, members: identities }: Held): StepResult {
    for (const identity of identities) act(memberOf(identity), { type: "enrol", deploymentId: id });
    return {};
  }

  function setConfig({ deployment, version, text, device }: StepOf<"setConfig">): StepResult {
    const member = memberOf(device);
    if (text !== undefined) {
      act(member, { type: "setConfigText", text, timestampUs: now() * 1000 });
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
    const stamp = resolveStamp(supplied, now());
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

  return acts;
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
