import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApp, type TestApp } from "../support/app.ts";
import { type Deployment, eventually, givenProduct, type Problem, readAll, updateIn } from "./support.ts";

type Targeted = Deployment & {
  readonly resolving: boolean;
  readonly wave: { readonly number: number; readonly of: number; readonly size: number };
};

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

const names = (count: number) => Array.from({ length: count }, (_, at) => `d${at}`);
const get = async (below: string, id: string) =>
  (await app.call<Targeted>("GET", `${below}/deployments/${id}`)).body;
const reach = (below: string, id: string, isWanted: (deployment: Targeted) => boolean) =>
  eventually(() => get(below, id), isWanted);

async function target(below: string, wanted: object, options: object = {}) {
  const path = `${below}/packages/package_a.json/apply`;
  return await app.call<{ deployment: Targeted } & Problem>("POST", path, { target: wanted, options });
}
const add = (below: string, devices: readonly object[]) => app.call("POST", `${below}/devices`, devices);

describe("a large target", () => {
  it("is known at the answer and stored in chunks, in waves of exact sizes", async () => {
    const below = await givenProduct(app, "large");
    await add(
      below,
      names(1600).map((identity, at) => ({ identity, tags: { site: at % 4 === 0 ? "away" : "here" } })),
    );
    const reply = await target(below, { tags: { site: "here" } }, { rollout: { waves: [10, 90] } });
    expect(reply.status).toBe(202);
    const { id, wave } = reply.body.deployment;
    expect(reply.body.deployment).toMatchObject({ resolving: true, totals: { total: 0 } });
    expect(wave).toMatchObject({ number: 1, of: 2, size: 120 });
    const stored = await reach(below, id, ({ resolving }) => !resolving);
    expect(stored.totals["total"]).toBe(1200);
    await reach(below, id, ({ totals }) => totals["sent"] === 120);
    await app.call("POST", `${below}/deployments/${id}/advance`);
    await reach(below, id, ({ totals }) => totals["sent"] === 1200);
    const found = await readAll<{ identity: string }>(app, `${below}/deployments/${id}/updates`, 500);
    const here = names(1600).filter((_, at) => at % 4 !== 0);
    expect(found.map(({ identity }) => identity)).toEqual(here.toSorted());
  });

  it("leaves nobody waiting when it is canceled while it is being stored", async () => {
    const below = await givenProduct(app, "called-off");
    await add(
      below,
      names(1500).map((identity) => ({ identity })),
    );
    const startAt = new Date(Date.now() + 3_600_000).toISOString();
    const { id } = (await target(below, { all: true }, { startAt })).body.deployment;
    await app.call("POST", `${below}/deployments/${id}/cancel`);
    const ended = await reach(below, id, ({ resolving, totals }) => {
      const { canceled = 0, total } = totals;
      return !resolving && canceled === total;
    });
    expect(ended).toMatchObject({ state: "canceled", totals: { waiting: 0, sent: 0 } });
  });
});

describe("joinLater", () => {
  it("takes in who comes to match, and goes on until it is canceled", async () => {
    const below = await givenProduct(app, "join", ["d1", "d2"]);
    await add(below, [{ identity: "d1", tags: { site: "berlin" } }]);
    const options = { rollout: { joinLater: true } };
    const reply = await target(below, { tags: { site: "berlin" } }, options);
    const { id } = reply.body.deployment;
    await updateIn(app, below, "d1", "sent");
    await app.call("POST", `${below}/devices/d1/cancel`);
    await app.call("PATCH", `${below}/devices/d2`, { tags: { site: "berlin" } });
    await add(below, [{ identity: "d3", tags: { site: "berlin" } }, { identity: "d4" }]);
    for (const identity of ["d2", "d3"]) await updateIn(app, below, identity, "sent");
    expect(await get(below, id)).toMatchObject({ state: "running", totals: { total: 3 } });
    await app.call("POST", `${below}/deployments/${id}/cancel`);
    await reach(below, id, ({ totals }) => totals["canceled"] === 3);
    await add(below, [{ identity: "d5", tags: { site: "berlin" } }]);
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect((await get(below, id)).totals["total"]).toBe(3);
  });

  it("ends when its package is withdrawn with stop", async () => {
    const below = await givenProduct(app, "withdrawn", ["d1"]);
    const { id } = (await target(below, { all: true }, { rollout: { joinLater: true } })).body.deployment;
    await updateIn(app, below, "d1", "sent");
    const body = { reason: "It bricks gateways.", stop: true };
    await app.call("POST", `${below}/packages/package_a.json/withdraw`, body);
    await reach(below, id, ({ state }) => state === "finished");
  });

  it("is refused for a list of devices", async () => {
    const below = await givenProduct(app, "listed", ["d1"]);
    const reply = await app.call<Problem>("POST", `${below}/packages/package_a.json/apply`, {
      devices: ["d1"],
      options: { rollout: { joinLater: true } },
    });
    expect([reply.status, reply.body.errors?.[0]?.path]).toEqual([400, "/options/rollout/joinLater"]);
  });
});
