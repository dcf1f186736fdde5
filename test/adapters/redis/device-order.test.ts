import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeDeviceOrders } from "../../../modules/adapters/redis/device-order.ts";
import { allShardKeys } from "../../../modules/adapters/redis/keys.ts";
import { readMatching } from "../../../modules/adapters/redis/ordinal-bits.ts";
import type { ShardOrder } from "../../../modules/adapters/redis/shard-order.ts";
import type { DeviceFilter, DeviceStore } from "../../../modules/usecases/ports.ts";
import { eventually } from "../../endpoints/support.ts";
import { startTestRedis, type TestRedis } from "../../support/redis.ts";
import { actor, change, openDevices } from "./device-support.ts";

type Known = { readonly site: string; readonly zone?: string };

let redis: TestRedis;
let store: Awaited<ReturnType<typeof openDevices>>;
let devices: DeviceStore;
let orderNow: () => Promise<ShardOrder | undefined>;
const known = new Map<string, Known>();

/** Numbers come mixed, so that no order of creation is the order of identities. */
const identityOf = (at: number) => `${at % 3 === 0 ? "GW" : "gw"}-${String((at * 7919) % 100_003)}`;

async function create(from: number, to: number): Promise<void> {
  const wanted = Array.from({ length: to - from }, (_, step) => {
    const at = from + step;
    const tags = { site: at % 5 === 0 ? "bern" : "riga", ...(identityOf(at) > "gw-9" ? { zone: "z" } : {}) };
    known.set(identityOf(at), tags);
    return { identity: identityOf(at), tags };
  });
  await devices.create("p", wanted, actor);
}

async function remove(identities: readonly string[]): Promise<void> {
  const loaded = await devices.loadMany(identities.map((identity) => ({ productId: "p", identity })));
  const changes = loaded.flatMap((each) => (each ? [{ ...change(each.device, {}), after: undefined }] : []));
  await devices.commitMany(changes);
  for (const identity of identities) known.delete(identity);
}

async function readAll(filter: DeviceFilter, limit: number): Promise<string[]> {
  const found: string[] = [];
  let after: string | undefined;
  do {
    const page = await devices.list("p", filter, { limit, ...(after === undefined ? {} : { after }) });
    found.push(...page.rows.map(({ device }) => device.identity));
    after = page.next;
  } while (after !== undefined);
  return found;
}

const filters: readonly [string, DeviceFilter, (identity: string, tags: Known) => boolean][] = [
  ["all", {}, () => true],
  ["by tag", { tags: { site: ["bern"] } }, (_, { site }) => site === "bern"],
  ["the last of all", { tags: { zone: ["z"] } }, (_, { zone }) => zone === "z"],
  [
    "by two tags",
    { tags: { site: ["bern"], zone: ["z"] } },
    (_, tags) => tags.site === "bern" && tags.zone === "z",
  ],
  ["by prefix", { q: "gW-42" }, (identity) => identity.toLowerCase().startsWith("gw-42")],
  ["by prefix and tag", { q: "gw-", tags: { site: ["bern"] } }, (_, { site }) => site === "bern"],
  ["nothing", { drifted: true }, () => false],
];

async function expectAll(): Promise<void> {
  for (const [name, filter, holds] of filters) {
    const expected = [...known].filter(([identity, tags]) => holds(identity, tags)).map(([one]) => one);
    expect([name, await readAll(filter, 97)]).toEqual([name, expected.sort()]);
  }
}

beforeAll(async () => {
  redis = await startTestRedis();
  store = await openDevices(redis, { shardCount: 1 });
  ({ devices } = store);
  const keys = allShardKeys(1);
  const orderOf = makeDeviceOrders({ redis: redis.client, keys });
  const allKey = keys[0]?.all("p") ?? "";
  orderNow = async () => {
    const context = { redis: redis.client } as Parameters<typeof readMatching>[0];
    return orderOf("p", 0, (await readMatching(context, allKey, [])).all);
  };
  await create(0, 1500);
}, 60_000);
afterAll(async () => {
  await store.clock.close();
  await redis.close();
});

describe("the order of a shard's devices", () => {
  it("is read once it is asked for, and holds every device in its place", async () => {
    expect(await orderNow()).toBeUndefined();
    const order = await eventually(orderNow, (found) => found !== undefined);
    expect(order?.ordinals).toHaveLength(1500);
    expect(order?.marks).toEqual([...known.keys()].sort().filter((_, at) => at % 16 === 0));
  });

  it("gives the same lists as a walk does, also when devices came and went since", async () => {
    await expectAll();
    await create(1500, 1600);
    await remove([...known.keys()].filter((_, at) => at % 50 === 0));
    await expectAll();
    // A device that was deleted and came back is another one, with an ordinal of its own.
    await create(0, 1);
    await expectAll();
  });

  it("is read anew when too many came that are not in it", async () => {
    await create(1600, 1900);
    const longer = (found: ShardOrder | undefined) => (found?.ordinals.length ?? 0) > 1700;
    expect(longer(await eventually(orderNow, longer))).toBe(true);
    await expectAll();
    await expectAll();
  });
});
