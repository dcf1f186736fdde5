import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TestClock } from "../../modules/adapters/redis/clock.ts";
import { startApp, type TestApp } from "../support/app.ts";
import {
  apply,
  type Deployment,
  eventually,
  givenProduct,
  infoOf,
  type Problem,
  report,
  updateIn,
} from "./support.ts";

let app: TestApp;
beforeAll(async () => {
  app = await startApp({ testClock: true });
});
afterAll(() => app.close());

type Guarded = Deployment & { reason?: string; gate?: { counted: number; failed: number } };
const get = async (below: string, id: string) =>
  (await app.call<Guarded>("GET", `${below}/deployments/${id}`)).body;
const inState = (below: string, id: string, state: string) =>
  eventually(
    () => get(below, id),
    (deployment) => deployment.state === state,
  );
/** The settings hold in every process a second later at most; here at once, as it is one process with two stores. */
async function setProduct(id: string, settings: object) {
  await app.call("PUT", `/products/${id}`, settings);
  await new Promise((resolve) => setTimeout(resolve, 1100));
}
const fail = (below: string, identity: string, version = "1.0.1") =>
  report(app, below, identity, { version, status: "INSTALL_ERROR" });

describe("the guard against downgrades", () => {
  it("leaves out devices with a newer version, by sequence or semver, unless the apply allows it", async () => {
    const below = await givenProduct(app, "downgrade");
    await setProduct("downgrade", { downgrade: "skip" });
    const named = (version: string, sequence?: number) => ({ otau_info: { ...infoOf(version), sequence } });
    await app.call("PUT", `${below}/packages/package_old.json`, named("rome", 1));
    await app.call("PUT", `${below}/packages/package_new.json`, named("oslo", 2));
    await app.call("POST", `${below}/devices`, [
      { identity: "newer", installedVersion: "1.1.0" },
      { identity: "older", installedVersion: "1.0.0" },
      { identity: "oslo", installedVersion: "oslo" },
      { identity: "oslo-2", installedVersion: "oslo" },
      { identity: "none" },
    ]);
    await apply(app, below, ["newer", "older", "oslo", "none"]);
    expect(await updateIn(app, below, "newer", "skipped")).toMatchObject({ reason: "DOWNGRADE" });
    for (const identity of ["older", "oslo", "none"]) await updateIn(app, below, identity, "sent");
    await apply(app, below, ["oslo-2"], {}, "package_old.json");
    expect(await updateIn(app, below, "oslo-2", "skipped")).toMatchObject({ reason: "DOWNGRADE" });
    await apply(app, below, ["oslo-2"], { allowDowngrade: true }, "package_old.json");
    await updateIn(app, below, "oslo-2", "sent");
    const path = `${below}/packages/package_a.json/apply`;
    const body = { devices: ["newer", "older"], options: { dryRun: true } };
    const dryRun = await app.call<{ skipped: object }>("POST", path, body);
    expect(dryRun.body.skipped).toMatchObject({ DOWNGRADE: 1 });
  });
});

describe("the brake of a package", () => {
  it("halts every deployment of it, and lets each go on that is resumed", async () => {
    const below = await givenProduct(app, "brake", ["d1", "d2", "d3", "d4"]);
    await app.call("PUT", `${below}/packages/package_b.json`, { otau_info: infoOf("2.0.0") });
    await setProduct("brake", { brake: { maxFailedPercent: 50, minFinished: 2 } });
    const first = await apply(app, below, ["d1"]);
    const second = await apply(app, below, ["d2", "d3"], { rollout: { maxConcurrent: 1 } });
    const other = await apply(app, below, ["d4"], {}, "package_b.json");
    for (const identity of ["d1", "d2", "d4"]) await updateIn(app, below, identity, "sent");
    await fail(below, "d1");
    await inState(below, first.id, "finished");
    await fail(below, "d2");
    const halted = await inState(below, second.id, "halted");
    expect(halted).toMatchObject({ reason: "GATE", gate: { counted: 2, failed: 2 } });
    const third = await apply(app, below, ["d4"], { onActive: "queue" });
    await inState(below, third.id, "halted");
    expect((await get(below, other.id)).state).toBe("running");
    await app.call("POST", `${below}/deployments/${second.id}/resume`);
    await updateIn(app, below, "d3", "sent");
    expect((await get(below, second.id)).state).toBe("running");
  });
});

describe("the rest of a device", () => {
  it("spares one that failed too often, says so, and ends", async () => {
    const below = await givenProduct(app, "rest", ["d1", "d2"]);
    await setProduct("rest", { rest: { failures: 2, withinMs: 3_600_000, forMs: 7_200_000 } });
    for (let round = 0; round < 2; round++) {
      await apply(app, below, ["d1"]);
      await updateIn(app, below, "d1", "sent");
      await fail(below, "d1");
      await updateIn(app, below, "d1", "failed");
    }
    await apply(app, below, ["d1", "d2"]);
    await updateIn(app, below, "d2", "sent");
    const why = await eventually(
      async () => (await app.call<{ code: string }>("GET", `${below}/devices/d1/why`)).body,
      ({ code }) => code !== "QUEUED",
    );
    expect(why.code).toBe("RESTING");
    await (app.stores.clock as TestClock).advance(7_200_000);
    await updateIn(app, below, "d1", "sent");
  });
});

describe("products.put", () => {
  it.each([
    [{ brake: { maxFailedPercent: 0, minFinished: 1 } }, "/brake/maxFailedPercent"],
    [{ rest: { failures: 2 } }, "/rest/withinMs"],
    [{ downgrade: "never" }, "/downgrade"],
    [{ approval: "twice" }, "/approval"],
  ])("refuses %j", async (settings, path) => {
    const reply = await app.call<Problem>("PUT", "/products/refused", settings);
    expect([reply.status, reply.body.errors?.[0]?.path]).toEqual([400, path]);
  });
});
