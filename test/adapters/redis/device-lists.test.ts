import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DeviceFilter, DeviceStore } from "../../../modules/usecases/ports.ts";
import { startTestRedis, type TestRedis } from "../../support/redis.ts";
import { actor, change, deployment, openDevices, sent } from "./device-support.ts";

/** Enough devices that sets are bitmaps and walks go over several blocks, in one shard and a half. */
const count = 2600;
const identities = Array.from(
  { length: count },
  (_, at) => `${at % 2 ? "gw" : "GW"}-${String(at).padStart(5, "0")}`,
);
const siteOf = (at: number) => (at % 3 === 0 ? "berlin" : "bern");

let redis: TestRedis;
let devices: DeviceStore;
beforeAll(async () => {
  redis = await startTestRedis();
  const store = await openDevices(redis, { shardCount: 2 });
  ({ devices } = store);
  const wanted = identities.map((identity, at) => ({
    identity,
    tags: { site: siteOf(at), ...(at < 5 ? { rare: "yes" } : {}) },
    ...(at % 4 === 0 ? {} : { installedVersion: `1.0.${at % 4}` }),
  }));
  await devices.create("p", wanted, actor);
  store.deployments.set("d1", deployment("d1", 1));
  await devices.enrol("d1", "p", identities.slice(0, 2000));
  const refs = identities.slice(0, 700).map((identity) => ({ productId: "p", identity }));
  const loaded = (await devices.loadMany(refs)).filter((each) => each !== undefined);
  const seenAt = loaded[0]?.now ?? 0;
  await devices.commitMany(loaded.map(({ device }) => change(device, { updates: [sent("d1")] }, { seenAt })));
}, 60_000);
afterAll(() => redis.close());

const sorted = (holds: (identity: string, at: number) => boolean) => identities.filter(holds).sort();

async function readAll(filter: DeviceFilter, limit: number): Promise<string[]> {
  const found: string[] = [];
  let after: string | undefined;
  do {
    const page = await devices.targetMembers("p", filter, after, limit);
    expect(page.identities.length).toBeLessThanOrEqual(limit);
    found.push(...page.identities);
    after = page.next;
  } while (after !== undefined);
  return found;
}

describe("lists of devices", () => {
  const cases: readonly [string, DeviceFilter, (identity: string, at: number) => boolean][] = [
    ["all", {}, () => true],
    ["a tag that many have", { tags: { site: ["berlin"] } }, (_, at) => siteOf(at) === "berlin"],
    ["a tag that few have", { tags: { rare: ["yes"] } }, (_, at) => at < 5],
    ["one of several values", { tags: { site: ["berlin", "bern"] } }, () => true],
    [
      "a version and a tag",
      { installedVersion: ["1.0.1"], tags: { site: ["bern"] } },
      (_, at) => at % 4 === 1 && siteOf(at) === "bern",
    ],
    ["a state", { updateState: ["waiting"] }, (_, at) => at >= 700 && at < 2000],
    ["several states", { updateState: ["sent", "none"] }, (_, at) => at < 700 || at >= 2000],
    ["online", { online: true }, (_, at) => at < 700],
    ["not online", { online: false, installedVersion: ["1.0.2"] }, (_, at) => at >= 700 && at % 4 === 2],
    ["not drifted", { drifted: false, tags: { rare: ["yes"] } }, (_, at) => at < 5],
    ["seen before a time that has not come", { seenBefore: 4e12 }, (_, at) => at < 700],
    ["a prefix in another case", { q: "gW-000" }, (identity) => identity.toLowerCase().startsWith("gw-000")],
    ["a prefix and a tag", { q: "GW-0", tags: { site: ["berlin"] } }, (_, at) => siteOf(at) === "berlin"],
    ["a prefix among few", { q: "gw-00001", tags: { rare: ["yes"] } }, (_, at) => at === 1],
    ["a prefix that nobody has", { q: "x" }, () => false],
    ["a value that nobody has", { tags: { site: ["rome"] } }, () => false],
    ["no admissible value", { updateState: [] }, () => false],
  ];

  for (const [name, filter, holds] of cases) {
    it(`find, in order and once, and count: ${name}`, async () => {
      const expected = sorted(holds);
      expect(await readAll(filter, 97)).toEqual(expected);
      expect(await devices.count("p", filter)).toBe(expected.length);
    });
  }

  it("show each device that existed throughout exactly once while others come and go", async () => {
    const found: string[] = [];
    let after: string | undefined;
    let fresh = 0;
    do {
      const page = await devices.targetMembers("p", {}, after, 200);
      found.push(...page.identities);
      after = page.next;
      await devices.create("p", [{ identity: `a-new-${fresh}` }, { identity: `zz-new-${fresh}` }], actor);
      fresh++;
    } while (after !== undefined);
    expect(found.filter((identity) => !identity.includes("new"))).toEqual(sorted(() => true));
    for (const identity of (await devices.targetMembers("p", { q: "a-new" }, undefined, 500)).identities) {
      const loaded = await devices.load({ productId: "p", identity });
      if (loaded) await devices.commitMany([{ ...change(loaded.device, {}), after: undefined }]);
    }
  });

  it("are summed up exactly", async () => {
    const summary = await devices.summary("p");
    const extra = summary.total - count;
    expect(summary.byUpdateState).toMatchObject({ sent: 700, waiting: 1300, none: 600 + extra });
    expect(summary.byInstalledVersion).toEqual([
      { version: "1.0.1", count: 650 },
      { version: "1.0.2", count: 650 },
      { version: "1.0.3", count: 650 },
      { version: null, count: 650 + extra },
    ]);
    expect(summary).toMatchObject({
      online: 700,
      seen: { lastHour: 700, lastDay: 0, earlier: 0, never: 1900 + extra },
    });
  });

  it("leave nothing of what they computed in the store", async () => {
    await devices.count("p", { tags: { site: ["berlin"] }, online: false });
    expect(await redis.client.keys("*tmp*")).toEqual([]);
  });
});

describe("members of a deployment, by identity", () => {
  it("come in order in the wanted states", async () => {
    const found: string[] = [];
    let after: string | undefined;
    do {
      const options = { states: ["sent"] as const, limit: 150, ...(after === undefined ? {} : { after }) };
      const page = await devices.membersByIdentity("d1", "p", options);
      found.push(...page.refs.map(({ identity }) => identity));
      after = page.next;
    } while (after !== undefined);
    expect(found).toEqual(sorted((_, at) => at < 700));
  });
});
