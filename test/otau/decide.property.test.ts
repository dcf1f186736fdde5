import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { needsPast } from "../../modules/otau/decide.ts";
import { dueAt } from "../../modules/otau/due.ts";
import type { Deployment, Device, DeviceEvent, Outcome, Update } from "../../modules/otau/model.ts";
import {
  decisions,
  isFinalState,
  isLiveState,
  isPhase,
  type RetriableReason,
  reasons,
  retriableReasons,
  statuses,
  timeoutNames,
  updateStates,
} from "../../modules/otau/vocabulary.ts";
import { type Lab, makeLab, newDevice, start } from "./lab.ts";

/** One thing that happens in a story; ids and stamps are made fitting when it happens. */
type Step =
  | {
      readonly kind: "report";
      readonly status: number;
      readonly version: number;
      readonly message: number;
      readonly back: number;
    }
  | { readonly kind: "act"; readonly on: number; readonly act: number }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "due" }
  | { readonly kind: "change"; readonly on: number; readonly to: number };

const ids = ["a", "b", "c"] as const;
const at = <T>(list: readonly T[], index: number): T => list[index % list.length] as T;

const deployment = fc.record({
  packageId: fc.constantFrom("p", "q"),
  version: fc.constantFrom("1", "2"),
  confirm: fc.constantFrom("required" as const, "optional" as const),
  force: fc.boolean(),
  onActive: fc.constantFrom("supersede" as const, "queue" as const, "reject" as const),
  retry: fc.record({
    maxAttempts: fc.integer({ min: 1, max: 3 }),
    delayMs: fc.constantFrom(0, 1000),
    on: fc.subarray<RetriableReason>([...retriableReasons]),
  }),
  timeouts: fc.record(
    Object.fromEntries(
      timeoutNames.map((name) => [name, fc.constantFrom(null, 500, 5000, 60_000)]),
    ) as Record<(typeof timeoutNames)[number], fc.Arbitrary<number | null>>,
  ),
});

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("report" as const),
      status: fc.nat(14),
      version: fc.nat(2),
      message: fc.nat(2),
      back: fc.constantFrom(0, 0, 0, 1, 4000, 20_000),
    }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("act" as const), on: fc.nat(2), act: fc.nat(11) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.constantFrom(0, 1, 600, 61_000) }),
  },
  { weight: 3, arbitrary: fc.constant({ kind: "due" as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("change" as const), on: fc.nat(2), to: fc.nat(5) }) },
);

const story = fc.record({
  deployments: fc.record({ a: deployment, b: deployment, c: deployment }),
  installed: fc.option(fc.constantFrom("1", "2", "9"), { nil: undefined }),
  steps: fc.array(step, { maxLength: 60, size: "max" }),
});

function actOf(lab: Lab, deploymentId: string, act: number): DeviceEvent {
  const update = lab.device.updates.find((one) => one.deploymentId === deploymentId);
  const events: readonly DeviceEvent[] = [
    { type: "enrol", deploymentId },
    { type: "release", deploymentId },
    { type: "release", deploymentId },
    { type: "delivered", timestampUs: update?.timestampUs ?? 1 },
    { type: "tick" },
    { type: "cancel", deploymentId, reason: "CANCELED" },
    { type: "cancel", deploymentId, reason: "DEVICE_UNKNOWN", onlyIn: ["sent"] },
    { type: "retry", deploymentId, states: ["failed", "timed_out", "aborted", "canceled"] },
    { type: "rejudge", deploymentId },
    { type: "setConfigText", text: "x", timestampUs: lab.now * 1000 },
    { type: "retry", deploymentId, states: [...updateStates] },
    { type: "deviceDeleted" },
  ];
  return at(events, act);
}

const changes: readonly Partial<Deployment>[] = [
  { state: "paused" },
  { state: "running" },
  { state: "canceled" },
  { withdrawn: true },
  { withdrawn: false },
  { expiresAt: start + 3000 },
];

function eventOf(lab: Lab, what: Step): DeviceEvent | undefined {
  if (what.kind === "act") return actOf(lab, at(ids, what.on), what.act);
  if (what.kind !== "report") return undefined;
  const message = at([undefined, "m", "n"], what.message);
  const status = at(statuses, what.status);
  const version = at(["1", "2", "9"], what.version);
  return {
    type: "report",
    report: { ok: true, raw: "r", status, version, ...(message === undefined ? {} : { message }) },
    stampedAt: lab.now - what.back,
    stampSupplied: what.back > 0,
  };
}

type Seen = { readonly before: Device; readonly outcome: Outcome; readonly event: DeviceEvent };

/** Plays a story; `look` sees each event with what came of it. */
function play(
  {
    deployments,
    installed,
    steps,
  }: { deployments: Record<string, object>; installed: string | undefined; steps: readonly Step[] },
  look: (lab: Lab, seen: Seen) => void,
): Lab {
  const lab = makeLab(deployments, installed === undefined ? {} : { installedVersion: installed });
  const happen = (event: DeviceEvent) => {
    const before = lab.device;
    look(lab, { before, outcome: lab.do(event), event });
  };
  for (const id of ids) happen({ type: "enrol", deploymentId: id });
  for (const what of steps) {
    if (what.kind === "wait") lab.wait(what.ms);
    if (what.kind === "change") lab.set(at(ids, what.on), at(changes, what.to));
    if (what.kind === "due") {
      lab.now = Math.max(lab.now, dueAt(lab.device, lab.deployments, lab.limits) ?? 0);
      happen({ type: "tick" });
    }
    const event = eventOf(lab, what);
    if (event) happen(event);
  }
  return lab;
}

function check(look: (lab: Lab, seen: Seen) => void, runs = 100): void {
  fc.assert(
    fc.property(story, (told) => void play(told, look)),
    { numRuns: runs },
  );
}

const updateOf = (device: Device, id: string): Update | undefined =>
  device.updates.find(({ deploymentId }) => deploymentId === id);

describe("whatever happens to a device", () => {
  it("has at most one live update, in a state and for a reason of the vocabulary", () => {
    check((_lab, { outcome }) => {
      expect(outcome.device.updates.filter(({ state }) => isLiveState(state)).length).toBeLessThanOrEqual(1);
      for (const { state, reason } of outcome.device.updates) {
        expect(updateStates).toContain(state);
        if (reason !== undefined) expect(reasons).toContain(reason);
      }
    });
  });

  it("gives every report exactly one decision, and a line or a fold", () => {
    check((_lab, { outcome, event }) => {
      if (event.type !== "report") return expect(outcome).not.toHaveProperty("decision");
      expect(decisions).toContain(outcome.decision);
      const reports = outcome.lines.filter(({ kind }) => kind === "report").length;
      const handedOver = outcome.lines.length - reports;
      expect(handedOver).toBeLessThanOrEqual(1);
      expect(reports + outcome.folds.length).toBeGreaterThan(0);
      expect(reports).toBeLessThanOrEqual(1);
      expect(outcome.events.filter(({ type }) => type === "report.decided")).toHaveLength(1);
    });
  });

  it("leaves a final state only by a correction or an operator's retry", () => {
    check((_lab, { before, outcome, event }) => {
      for (const old of before.updates.filter(({ state }) => isFinalState(state))) {
        const now = updateOf(outcome.device, old.deploymentId);
        if (now === undefined || now.state === old.state) continue;
        if (event.type === "retry") expect(now.state).toBe("waiting");
        else expect(now.corrections?.length ?? 0).toBe((old.corrections?.length ?? 0) + 1);
      }
    });
  });

  it("tells of each change of state once, in a line and in an event; numbers rise without gap", () => {
    check((_lab, { before, outcome }) => {
      const moves = outcome.events.filter(({ type }) => type === "update.changed");
      const lines = outcome.lines.filter(({ to }) => to !== undefined);
      expect(lines.map(({ deploymentId, from, to, reason }) => ({ deploymentId, from, to, reason }))).toEqual(
        moves.map(({ deploymentId, from, to, reason }) => ({ deploymentId, from, to, reason })),
      );
      for (const update of outcome.device.updates) {
        const path = lines.filter(({ deploymentId }) => deploymentId === update.deploymentId);
        const old = updateOf(before, update.deploymentId)?.state ?? "waiting";
        expect(path.at(0)?.from ?? old).toBe(old);
        expect(path.at(-1)?.to ?? old).toBe(update.state);
        for (const [index, line] of path.entries())
          if (index > 0) expect(line.from).toBe(path[index - 1]?.to);
      }
      expect(outcome.lines.map(({ seq }) => seq)).toEqual(
        outcome.lines.map((_, n) => before.historySeq + n + 1),
      );
      expect(outcome.events.map(({ seq }) => seq)).toEqual(
        outcome.events.map((_, n) => before.eventSeq + n + 1),
      );
      expect(outcome.device.historySeq).toBe(before.historySeq + outcome.lines.length);
      expect(outcome.device.eventSeq).toBe(before.eventSeq + outcome.events.length);
    });
  });

  it("raises a revision by one exactly where something changed", () => {
    check((_lab, { before, outcome }) => {
      if (outcome.device === before) {
        expect([outcome.lines, outcome.folds, outcome.events]).toEqual([[], [], []]);
        return;
      }
      expect(outcome.device.revision).toBe(before.revision + 1);
      for (const { revision } of outcome.events) expect(revision).toBe(outcome.device.revision);
      for (const update of outcome.device.updates) {
        const old = updateOf(before, update.deploymentId);
        if (old === update) continue;
        expect(update.revision).toBe((old?.revision ?? 0) + 1);
        if (old) expect({ ...update, revision: 0 }).not.toEqual({ ...old, revision: 0 });
      }
    });
  });

  it("never takes a rank back but by a restart or a new attempt", () => {
    check((_lab, { before, outcome }) => {
      for (const old of before.updates) {
        const now = updateOf(outcome.device, old.deploymentId);
        if (now === undefined || now.rank >= old.rank) continue;
        expect(now.attempt > old.attempt || now.restarts > old.restarts).toBe(true);
      }
    });
  });

  it("has a deadline in each phase, or its time-out is switched off; none elsewhere", () => {
    check((lab, { outcome }) => {
      for (const update of outcome.device.updates) {
        const { timeouts } = lab.deployments.get(update.deploymentId) as Deployment;
        if (!isPhase(update.state)) {
          expect(update).not.toHaveProperty("deadlineAt");
          expect(update).not.toHaveProperty("slot");
        } else {
          const name = update.deadlineOf ?? "acknowledgeMs";
          expect(update.deadlineAt === undefined).toBe(timeouts[name] === null);
        }
        if (isLiveState(update.state))
          expect(update.totalDeadlineAt === undefined).toBe(timeouts.totalMs === null);
        expect(update.retryAt !== undefined).toBe(update.state === "retrying");
        expect(update.endedAt !== undefined).toBe(isFinalState(update.state));
        expect(update.confirmed !== undefined).toBe(update.state === "succeeded");
        expect(update.phase === update.state).toBe(isPhase(update.state));
      }
    });
  });

  it("has nothing due any more once time was judged, and the same event again changes nothing", () => {
    check((lab, { outcome, event }) => {
      if (event.type !== "tick") return;
      const next = dueAt(outcome.device, lab.deployments, lab.limits);
      if (next !== undefined) expect(next).toBeGreaterThan(lab.now);
      expect(lab.decide(outcome.device, event, lab.facts()).device).toBe(outcome.device);
    });
  });

  it("changes by a tick only when something was due", () => {
    check((lab, { before, event }) => {
      if (event.type !== "tick") return;
      const due = dueAt(before, lab.deployments, lab.limits);
      const changed = lab.decide(before, event, lab.facts()).device !== before;
      expect(changed).toBe(due !== undefined && due <= lab.now);
    });
  });

  it("is written to only by a release of a running deployment that is not withdrawn", () => {
    check((lab, { before, outcome, event }) => {
      const attempts = (device: Device) => device.updates.reduce((sum, { attempt }) => sum + attempt, 0);
      expect(attempts(outcome.device) - attempts(before)).toBe(outcome.writes ? 1 : 0);
      if (!outcome.writes) return;
      expect(event.type).toBe("release");
      const deployment = lab.deployments.get(event.type === "release" ? event.deploymentId : "");
      expect(deployment).toMatchObject({ state: "running", withdrawn: false });
    });
  });

  it("holds in config_otau no value that was called off, and stamps only rise with what is handed out", () => {
    check((_lab, { before, outcome }) => {
      const set = outcome.device.configSet;
      if (outcome.notify) expect(set?.timestampUs).toBeGreaterThan(before.configSet?.timestampUs ?? 0);
      if (set && "deploymentId" in set) {
        const update = updateOf(outcome.device, set.deploymentId);
        expect(update?.timestampUs).toBe(set.timestampUs);
        expect(update?.state).not.toBe("canceled");
      }
    });
  });

  it("waits for nobody for ever: what waits is ready, or held back by a live or an older waiting one", () => {
    check((lab, { outcome }) => {
      for (const update of outcome.device.updates) {
        if (update.state !== "waiting" || update.ready) continue;
        const seq = lab.deployments.get(update.deploymentId)?.seq ?? 0;
        const holder = outcome.device.updates.some(
          (other) =>
            isLiveState(other.state) ||
            (other.state === "waiting" && (lab.deployments.get(other.deploymentId)?.seq ?? 0) < seq),
        );
        expect(holder).toBe(true);
      }
    });
  });

  it("never throws and never changes what it was given, for any event", () => {
    const anyEvent = fc.oneof(
      fc.constantFrom<DeviceEvent>({ type: "tick" }, { type: "deviceDeleted" }),
      fc.record({ type: fc.constant("delivered" as const), timestampUs: fc.integer() }),
      fc.record({
        type: fc.constant("report" as const),
        report: fc.oneof(
          fc.record({ ok: fc.constant(false as const), raw: fc.string(), why: fc.string() }),
          fc.record({
            ok: fc.constant(true as const),
            raw: fc.string(),
            version: fc.string(),
            status: fc.constantFrom(...statuses),
            message: fc.string(),
          }),
        ),
        stampedAt: fc.integer(),
        stampSupplied: fc.boolean(),
      }),
      fc.record({
        type: fc.constantFrom("enrol" as const, "release" as const, "rejudge" as const),
        deploymentId: fc.string(),
      }),
    );
    fc.assert(
      fc.property(story, anyEvent, (told, event) => {
        const lab = play(told, () => {});
        const before = structuredClone(lab.device);
        const device = lab.device;
        lab.do(event);
        needsPast({ ...device, pastLoaded: false }, event, lab.deployments);
        expect(device).toEqual(before);
        expect(newDevice.updates).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });
});
