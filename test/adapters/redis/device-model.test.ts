import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { stateCodes } from "../../../modules/adapters/redis/codes.ts";
import { shardKeys } from "../../../modules/adapters/redis/keys.ts";
import type { Device, HistoryLine, Update } from "../../../modules/otau/model.ts";
import { finalStates, isLiveState, liveStates, updateStates } from "../../../modules/otau/vocabulary.ts";
import type { DeviceStore } from "../../../modules/usecases/ports.ts";
import { startTestRedis, type TestRedis } from "../../support/redis.ts";
import { actor, change, deployment, loaded, openDevices, sent, update } from "./device-support.ts";

/** Random changes go to Redis and to a plain model; then everything that Redis holds is compared with the model. */
const shardCount = 2;
const identities = ["a", "A", "b.1", "dev-1", "dev-2", "x@y"];
const deploymentIds = ["d1", "d2", "d3", "d4"];
const versions = ["1.0.0", "2.0 β/%", "v".repeat(100)];

type Modelled = { device: Device; lines: HistoryLine[]; dueAt: number | undefined; seenAt: number };
type Model = Map<string, Modelled>;

const operation = fc.record({
  kind: fc.constantFrom(
    "create",
    "enrol",
    "enrol",
    "move",
    "move",
    "move",
    "move",
    "edit",
    "remove",
    "stale",
  ),
  identity: fc.constantFrom(...identities),
  deployment: fc.constantFrom(...deploymentIds),
  state: fc.constantFrom(...updateStates),
  past: fc.boolean(),
  flags: fc.record({
    ready: fc.boolean(),
    slot: fc.boolean(),
    delivered: fc.boolean(),
    drifted: fc.boolean(),
  }),
  message: fc.option(fc.string({ unit: "grapheme", maxLength: 400 }), { nil: undefined }),
  version: fc.option(fc.constantFrom(...versions), { nil: undefined }),
  tags: fc.dictionary(fc.constantFrom("site", "_.-"), fc.constantFrom("berlin", "", "ö:/=", "z".repeat(256))),
  dueAt: fc.option(fc.integer({ min: 1, max: 1e6 }), { nil: undefined }),
  seenAt: fc.option(fc.integer({ min: 1, max: 2e12 }), { nil: undefined }),
});
type Operation = typeof operation extends fc.Arbitrary<infer Value> ? Value : never;

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.close());

it("holds what a plain model holds, after any changes", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 5, maxLength: 40 }), async (operations) => {
      await redis.flush();
      const { devices, deployments, clock } = await openDevices(redis, { shardCount });
      for (const [seq, id] of deploymentIds.entries()) deployments.set(id, deployment(id, seq + 1));
      const model: Model = new Map();
      for (const each of operations) await apply(devices, model, each);
      await compare(devices, model);
      await clock.close();
    }),
    { numRuns: 25, interruptAfterTimeLimit: 15_000, markInterruptAsFailure: false },
  );
});

async function apply(devices: DeviceStore, model: Model, each: Operation): Promise<void> {
  const { identity } = each;
  const known = model.get(identity);
  if (each.kind === "create") return await create(devices, model, each);
  if (each.kind === "enrol") return await enrol(devices, model, each);
  if (known === undefined) {
    expect(await devices.load({ productId: "p", identity })).toBeUndefined();
    return;
  }
  const { device } = await loaded(devices, identity, { past: each.past });
  if (each.kind === "remove") {
    expect(await devices.commitMany([{ ...change(device, {}), after: undefined }])).toEqual(["done"]);
    model.delete(identity);
    return;
  }
  const next = each.kind === "edit" ? edited(device, each) : moved(device, known, each);
  const line: HistoryLine = {
    ...{ seq: device.historySeq + 1, at: 5, kind: "report", actor },
    ...(each.message === undefined ? {} : { message: each.message }),
  };
  const last = known.lines.at(-1);
  const fold = each.flags.drifted && last ? { seq: last.seq, lastAt: 9, message: "folded" } : undefined;
  const beside = {
    lines: [line],
    folds: fold ? [fold] : [],
    dueAt: each.dueAt,
    ...(each.seenAt === undefined ? {} : { seenAt: each.seenAt }),
  };
  const planned = change(device, { ...next, historySeq: device.historySeq + 1 }, beside);
  expect(await devices.commitMany([planned])).toEqual(["done"]);
  if (each.kind === "stale") {
    expect(await devices.commitMany([change(device, { drifted: !device.drifted })])).toEqual(["stale"]);
  }
  if (planned.after === undefined) return;
  if (last && fold) known.lines[known.lines.length - 1] = { ...last, ...fold, count: (last.count ?? 1) + 1 };
  known.lines.push(line);
  known.device = { ...planned.after, updates: allUpdates(known.device, planned.after) };
  known.dueAt = each.dueAt;
  known.seenAt = each.seenAt ?? known.seenAt;
}

async function create(devices: DeviceStore, model: Model, { identity, tags, version }: Operation) {
  const given = { identity, tags, ...(version === undefined ? {} : { installedVersion: version }) };
  const { created } = await devices.create("p", [given], actor);
  expect(created).toEqual(model.has(identity) ? [] : [identity]);
  if (model.has(identity)) return;
  const { device } = await loaded(devices, identity, { past: true });
  expect(device).toMatchObject({ tags, updates: [], drifted: false, historySeq: 0 });
  model.set(identity, { device, lines: [], dueAt: undefined, seenAt: 0 });
}

async function enrol(devices: DeviceStore, model: Model, { deployment: id }: Operation) {
  const { enrolled } = await devices.enrol(id, "p", identities);
  expect(enrolled).toBe(model.size);
  for (const known of model.values()) {
    const { device } = known;
    if (device.updates.some(({ deploymentId }) => deploymentId === id)) continue;
    const createdAt = deployment(id, deploymentIds.indexOf(id) + 1).createdAt;
    const updates = [...device.updates, update(id, { createdAt, ready: true })];
    known.device = { ...device, updates, revision: device.revision + 1 };
  }
}

function edited(device: Device, { tags, version, flags }: Operation): Partial<Device> {
  const { installedVersion: _old, ...rest } = device;
  const next = { ...rest, ...(version === undefined ? {} : { installedVersion: version }) };
  return { ...next, tags, drifted: flags.drifted };
}

/** One update changes its state; a live one that stands in the way ends in the same commit. */
function moved(device: Device, known: Modelled, each: Operation): Partial<Device> {
  const old = device.updates.find(({ deploymentId }) => deploymentId === each.deployment);
  const exists = known.device.updates.some(({ deploymentId }) => deploymentId === each.deployment);
  // What was not read cannot be decided on.
  if (old === undefined && exists) return { drifted: each.flags.drifted };
  const basis = isLiveState(each.state) ? sent(each.deployment) : update(each.deployment);
  const { slot: _slot, ...plain } = { ...basis, ...old };
  const { ready: _ready, message: _message, ...bare } = plain;
  const next: Update = {
    ...bare,
    state: each.state,
    revision: (old?.revision ?? 1) + 1,
    ...(each.flags.ready && /waiting|retrying/.test(each.state) ? { ready: true as const } : {}),
    ...(each.flags.slot && isLiveState(each.state) ? { slot: true as const } : {}),
    ...(each.flags.delivered || old?.everDelivered ? { everDelivered: true as const } : {}),
    ...(each.message === undefined ? {} : { message: each.message }),
  };
  const others = device.updates.filter(({ deploymentId }) => deploymentId !== each.deployment);
  const ended = others.map((other): Update => {
    if (!isLiveState(each.state) || !isLiveState(other.state)) return other;
    const { slot: _slot, ready: _ready, ...rest } = other;
    return { ...rest, state: "superseded", supersededBy: each.deployment, revision: other.revision + 1 };
  });
  return { updates: [...ended, next] };
}

function allUpdates(before: Device, after: Device): Update[] {
  const unread = before.updates.filter(
    (old) => !after.updates.some(({ deploymentId }) => deploymentId === old.deploymentId),
  );
  return [...unread, ...after.updates];
}

async function compare(devices: DeviceStore, model: Model): Promise<void> {
  for (const [identity, known] of model) await compareDevice(devices, identity, known);
  for (const id of deploymentIds) await compareDeployment(devices, model, id);
  await compareIndexes(devices, model);
  await compareDue(model);
}

async function compareDevice(devices: DeviceStore, identity: string, known: Modelled) {
  const { device, extras } = await loaded(devices, identity, { past: true });
  const bySeq = known.device.updates.toSorted((a, b) => (a.deploymentId < b.deploymentId ? -1 : 1));
  expect(device).toEqual({ ...known.device, updates: bySeq, pastLoaded: true });
  expect(extras.lastSeenAt ?? 0).toBe(known.seenAt);
  const near = (await loaded(devices, identity)).device;
  const needed = bySeq.filter(({ state }) => isLiveState(state) || state === "waiting");
  const written = bySeq.filter(
    ({ state, everDelivered }) => isLiveState(state) || state === "succeeded" || everDelivered,
  );
  for (const each of [...needed, ...written.slice(-1)]) expect(near.updates).toContainEqual(each);
  const page = await devices.history({ productId: "p", identity }, { limit: 500, order: "asc" });
  expect(page?.lines).toEqual(known.lines);
  const keys = (await redis.client.keys(`otau:*:d:p:${identity}`)).at(0) ?? "";
  expect(await redis.client.object("ENCODING", keys)).toBe("listpack");
}

async function compareDeployment(devices: DeviceStore, model: Model, id: string) {
  const totals = await devices.totals(id);
  const mine = (state: string) =>
    [...model].filter(([, { device }]) =>
      device.updates.some((each) => each.deploymentId === id && each.state === state),
    );
  let slots = 0;
  for (const state of updateStates) {
    const expected = mine(state).map(([identity]) => identity);
    const members = await devices.membersByIdentity(id, "p", { states: [state], limit: 100 });
    expect(members.refs.map(({ identity }) => identity)).toEqual(expected.sort());
    expect(await sizeOf(id, state)).toBe(totals[state]);
    // Deleted devices stay counted; what they were counted as is final.
    if ((finalStates as readonly string[]).includes(state))
      expect(totals[state]).toBeGreaterThanOrEqual(expected.length);
    else expect(totals[state]).toBe(expected.length);
  }
  const ready: string[] = [];
  for (let shard = 0; shard < shardCount; shard++) {
    ready.push(...(await devices.readyMembers(id, "p", shard, 0, 100)).refs.map(({ identity }) => identity));
  }
  const readyExpected = [...model].filter(([, { device }]) =>
    device.updates.some((each) => each.deploymentId === id && each.ready === true),
  );
  expect(ready.sort()).toEqual(readyExpected.map(([identity]) => identity).sort());
  for (const { device } of model.values()) {
    slots += device.updates.filter((each) => each.deploymentId === id && each.slot === true).length;
  }
  expect(await devices.slotsHeld(id)).toBe(slots);
}

async function sizeOf(id: string, state: (typeof updateStates)[number]): Promise<number> {
  let size = 0;
  for (let shard = 0; shard < shardCount; shard++) {
    const key = shardKeys(shard).membersIn(id, state);
    const kind = await redis.client.type(key);
    size +=
      kind === "set"
        ? await redis.client.scard(key)
        : kind === "string"
          ? await redis.client.bitcount(key)
          : 0;
  }
  return size;
}

function shownOf(device: Device): string {
  const live = device.updates.find(({ state }) => isLiveState(state));
  const newest = device.updates.toSorted((a, b) => (a.deploymentId < b.deploymentId ? -1 : 1)).at(-1);
  return (live ?? newest)?.state ?? "none";
}

async function compareIndexes(devices: DeviceStore, model: Model) {
  const all = [...model].map(([identity, { device }]) => ({ identity, device }));
  const found = async (filter: Parameters<DeviceStore["list"]>[1]) => {
    const { rows } = await devices.list("p", filter, { limit: 100 });
    expect(await devices.count("p", filter)).toBe(rows.length);
    return rows.map(({ device }) => device.identity);
  };
  const expected = (holds: (device: Device) => boolean) =>
    all
      .filter(({ device }) => holds(device))
      .map(({ identity }) => identity)
      .sort();
  expect(await found({})).toEqual(expected(() => true));
  for (const state of [...updateStates, "none"] as const) {
    expect(await found({ updateState: [state] })).toEqual(expected((device) => shownOf(device) === state));
  }
  expect(await found({ updateState: [...liveStates] })).toEqual(
    expected((device) => (liveStates as readonly string[]).includes(shownOf(device))),
  );
  for (const version of versions) {
    expect(await found({ installedVersion: [version] })).toEqual(
      expected(({ installedVersion }) => installedVersion === version),
    );
  }
  for (const value of ["berlin", "", "ö:/="]) {
    expect(await found({ tags: { site: [value] }, drifted: false })).toEqual(
      expected(({ tags, drifted }) => tags["site"] === value && !drifted),
    );
  }
  expect(await found({ drifted: true })).toEqual(expected(({ drifted }) => drifted));
  expect(await found({ seenBefore: 1e12 })).toEqual(
    [...model]
      .filter(([, { seenAt }]) => seenAt > 0 && seenAt < 1e12)
      .map(([identity]) => identity)
      .sort(),
  );
  const summary = await devices.summary("p");
  const count = (holds: (device: Device) => boolean) => expected(holds).length;
  expect(summary.total).toBe(all.length);
  expect(summary.drifted).toBe(count(({ drifted }) => drifted));
  for (const state of updateStates)
    expect(summary.byUpdateState[state]).toBe(count((each) => shownOf(each) === state));
  for (const { version, count: devicesOf } of summary.byInstalledVersion) {
    expect(devicesOf).toBe(count(({ installedVersion }) => (installedVersion ?? null) === version));
  }
}

async function compareDue(model: Model) {
  const found: [string, number][] = [];
  for (let shard = 0; shard < shardCount; shard++) {
    const scores = await redis.client.zrange(shardKeys(shard).due, "0", "-1", "WITHSCORES");
    for (let at = 0; at < scores.length; at += 2) found.push([scores[at] ?? "", Number(scores[at + 1])]);
  }
  const expected = [...model].flatMap(([identity, { dueAt }]): [string, number][] =>
    dueAt === undefined ? [] : [[`p/${identity}`, dueAt]],
  );
  expect(new Map(found)).toEqual(new Map(expected));
}

it("has a code for every state, so that no counter is left out of the totals", () => {
  expect(new Set(updateStates.map(stateCodes.codeOf)).size).toBe(updateStates.length);
});
