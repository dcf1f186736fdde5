import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApp, type TestApp } from "../support/app.ts";
import { apply, type Deployment, eventually, givenProduct, type Problem, report } from "./support.ts";

type Staged = Deployment & {
  readonly reason?: string;
  readonly wave: {
    readonly number: number;
    readonly of: number;
    readonly size: number;
    readonly finals?: number;
    readonly wantsApprovalSince?: string;
  };
  readonly gate?: { readonly counted: number; readonly failed: number; readonly percent: number };
};

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

const names = (count: number) => Array.from({ length: count }, (_, at) => `d${at}`);
const get = async (below: string, id: string) =>
  (await app.call<Staged>("GET", `${below}/deployments/${id}`)).body;
const reach = (below: string, id: string, isWanted: (deployment: Staged) => boolean) =>
  eventually(() => get(below, id), isWanted);
const steer = (below: string, id: string, verb: string) =>
  app.call<Staged & Problem>("POST", `${below}/deployments/${id}/${verb}`);

async function inState(below: string, id: string, state: string): Promise<string[]> {
  const path = `${below}/deployments/${id}/updates?limit=500&state=${state}`;
  const { items } = (await app.call<{ items: { identity: string }[] }>("GET", path)).body;
  return items.map(({ identity }) => identity);
}
async function release(below: string, id: string, count: number): Promise<string[]> {
  await reach(below, id, ({ totals }) => totals["sent"] === count);
  return await inState(below, id, "sent");
}
async function tell(below: string, identities: readonly string[], status: string) {
  await Promise.all(identities.map((identity) => report(app, below, identity, { version: "1.0.1", status })));
}
const succeed = (below: string, identities: readonly string[]) =>
  tell(below, identities, "INSTALLED_VERSION");
const fail = (below: string, identities: readonly string[]) => tell(below, identities, "INSTALL_ERROR");
/** Rounds of the conductor pass, in which it could have written what it must not write. */
const rounds = () => new Promise((resolve) => setTimeout(resolve, 700));

const gate = { minFinished: 5, maxFailedPercent: 20 };

describe("a deployment in waves", () => {
  it("brings each wave to exactly its devices, and the next when the one before is final", async () => {
    const below = await givenProduct(app, "waves", names(100));
    const { id } = await apply(app, below, names(100), { rollout: { waves: [10, 40, 50], gate } });
    const first = await release(below, id, 10);
    expect((await get(below, id)).wave).toMatchObject({ number: 1, of: 3, size: 10, finals: 0 });
    await fail(below, first.slice(0, 1));
    await succeed(below, first.slice(1));
    const second = await release(below, id, 40);
    await succeed(below, second);
    const third = await release(below, id, 50);
    expect(new Set([...first, ...second, ...third]).size).toBe(100);
    await succeed(below, third);
    const finished = await reach(below, id, ({ state }) => state === "finished");
    expect(finished.totals).toMatchObject({ succeeded: 99, failed: 1, total: 100 });
  });

  it("stops at its gate: what has not been written is not written any more", async () => {
    const below = await givenProduct(app, "stops", names(100));
    const { id } = await apply(app, below, names(100), { rollout: { waves: [10, 40, 50], gate } });
    const first = await release(below, id, 10);
    await succeed(below, first.slice(0, 8));
    await fail(below, first.slice(8));
    const halted = await reach(below, id, ({ state }) => state === "halted");
    expect(halted).toMatchObject({ reason: "GATE", gate: { counted: 10, failed: 2, percent: 20 } });
    await rounds();
    expect((await get(below, id)).totals).toMatchObject({ waiting: 90, failed: 2, succeeded: 8 });
    const resumed = await steer(below, id, "resume");
    expect(resumed.body).toMatchObject({ state: "running", gate: { counted: 0, failed: 0 } });
    const second = await release(below, id, 40);
    await fail(below, second.slice(0, 1));
    await succeed(below, second.slice(1));
    expect(await release(below, id, 50)).toHaveLength(50);
  });

  it("ends its updates when its gate says so", async () => {
    const below = await givenProduct(app, "ends", names(20));
    // biome-ignore lint/suspicious/noThenProperty: the app API names it so.
    const rollout = { waves: [50, 50], gate: { ...gate, then: "cancel" } };
    const { id } = await apply(app, below, names(20), { rollout });
    const first = await release(below, id, 10);
    await fail(below, first.slice(0, 5));
    const ended = await reach(below, id, ({ totals }) => totals["canceled"] === 15);
    expect(ended).toMatchObject({ state: "canceled", reason: "GATE", gate: { counted: 5, failed: 5 } });
    const path = `${below}/deployments/${id}/updates?reason=GATE&limit=500`;
    expect((await app.call<{ items: unknown[] }>("GET", path)).body.items).toHaveLength(15);
    const body = { states: ["canceled"] };
    await app.call("POST", `${below}/deployments/${id}/retry`, body);
    await release(below, id, 5);
    expect(await get(below, id)).toMatchObject({ state: "running", gate: { counted: 0, failed: 0 } });
  });

  it("counts only confirmed successes where it is told to", async () => {
    const below = await givenProduct(app, "confirmed", names(10));
    const rollout = { gate: { ...gate, requireConfirmed: true } };
    const options = { rollout, confirm: "optional", timeouts: { confirmMs: null } };
    const { id } = await apply(app, below, names(10), options);
    const sent = await release(below, id, 10);
    await tell(below, sent.slice(0, 7), "INSTALL_SUCCESS");
    await succeed(below, sent.slice(0, 3));
    await fail(below, sent.slice(7, 8));
    const counted = await reach(below, id, (deployment) => deployment.gate?.counted === 4);
    expect(counted).toMatchObject({ state: "running", totals: { succeeded: 7, failed: 1 } });
    await succeed(below, sent.slice(3, 4));
    expect((await reach(below, id, ({ state }) => state === "halted")).gate).toEqual({
      counted: 5,
      failed: 1,
      percent: 20,
    });
  });

  it("waits for approval between waves, and an advance gives it", async () => {
    const below = await givenProduct(app, "approval", names(6));
    const rollout = { waves: [{ count: 1 }, { count: 2 }, { count: 3 }], approval: "wave" };
    const { id } = await apply(app, below, names(6), { rollout });
    await succeed(below, await release(below, id, 1));
    await reach(below, id, ({ wave }) => wave.wantsApprovalSince !== undefined);
    expect((await get(below, id)).totals["waiting"]).toBe(5);
    const approved = await steer(below, id, "advance");
    expect(approved.body.wave).toMatchObject({ number: 2, of: 3, size: 2 });
    await release(below, id, 2);
    await steer(below, id, "advance");
    await release(below, id, 5);
    expect((await steer(below, id, "advance")).body.wave.number).toBe(3);
  });

  it("opens a wave once, whatever comes at one moment", async () => {
    const below = await givenProduct(app, "moment", names(40));
    const { id } = await apply(app, below, names(40), { rollout: { waves: [25, 25, 25, 25], gate } });
    const first = await release(below, id, 10);
    await Promise.all([
      fail(below, first.slice(0, 1)),
      succeed(below, first.slice(1)),
      steer(below, id, "pause").then(() => steer(below, id, "resume")),
    ]);
    await release(below, id, 10);
    await rounds();
    const { state, wave, totals } = await get(below, id);
    expect([state, wave.number, totals["sent"], totals["waiting"]]).toEqual(["running", 2, 10, 20]);
  });

  it("leaves no wave waiting for devices that have the package already", async () => {
    const below = await givenProduct(app, "there");
    const there = names(30).map((identity) => ({ identity, installedVersion: "1.0.1" }));
    await app.call("POST", `${below}/devices`, there);
    const { id } = await apply(app, below, names(30), { rollout: { waves: [10, 20, 70], gate } });
    const finished = await reach(below, id, ({ state }) => state === "finished");
    expect(finished.totals).toMatchObject({ skipped: 30, total: 30 });
  });

  it("is not advanced once it has ended", async () => {
    const below = await givenProduct(app, "over", names(4));
    const { id } = await apply(app, below, names(4), { rollout: { waves: [50, 50] } });
    await steer(below, id, "cancel");
    const reply = await steer(below, id, "advance");
    expect([reply.status, reply.body.code]).toEqual([409, "DEPLOYMENT_FINISHED"]);
  });

  it.each([
    [{ waves: [10, 40] }, "/options/rollout/waves"],
    [{ waves: [] }, "/options/rollout/waves"],
    [{ waves: [{ count: 0 }] }, "/options/rollout/waves/0"],
    [{ gate: { minFinished: 0 } }, "/options/rollout/gate/minFinished"],
    // biome-ignore lint/suspicious/noThenProperty: the app API names it so.
    [{ gate: { then: "stop" } }, "/options/rollout/gate/then"],
    [{ approval: "all" }, "/options/rollout/approval"],
    [{ advancePercent: 101 }, "/options/rollout/advancePercent"],
    [{ speed: 1 }, "/options/rollout"],
  ])("is refused with %j", async (rollout, path) => {
    const below = await givenProduct(app, "refused", ["d0"]);
    const url = `${below}/packages/package_a.json/apply`;
    const reply = await app.call<Problem>("POST", url, { devices: ["d0"], options: { rollout } });
    expect([reply.status, reply.body.code]).toEqual([400, "INVALID_INPUT"]);
    expect(reply.body.errors?.map((error) => error.path).join()).toContain(path);
  });
});

describe("deployments.patch", () => {
  const patch = (below: string, id: string, body: object, headers: Record<string, string> = {}) =>
    app.call<Staged & Problem & { rollout: object; expiresAt?: string }>(
      "PATCH",
      `${below}/deployments/${id}`,
      body,
      { headers },
    );
  const inFuture = (ms: number) => new Date(Date.now() + ms).toISOString();

  it("lifts and sets limits at once", async () => {
    const below = await givenProduct(app, "limits", names(12));
    const { id } = await apply(app, below, names(12), { rollout: { maxConcurrent: 2 } });
    await release(below, id, 2);
    await patch(below, id, { rollout: { maxConcurrent: 5 } });
    const sent = await release(below, id, 5);
    await patch(below, id, { rollout: { maxConcurrent: 1 } });
    await succeed(below, sent.slice(0, 4));
    await rounds();
    expect((await get(below, id)).totals).toMatchObject({ sent: 1, waiting: 7, succeeded: 4 });
    const lifted = await patch(below, id, { rollout: { maxConcurrent: null, ratePerMinute: 60_000 } });
    expect(lifted.body.rollout).toMatchObject({ maxConcurrent: null, ratePerMinute: 60_000 });
    await release(below, id, 8);
  });

  it("puts a gate in, which counts what has ended already, and takes it out", async () => {
    const below = await givenProduct(app, "late-gate", names(12));
    const { id } = await apply(app, below, names(12));
    const sent = await release(below, id, 12);
    await fail(below, sent.slice(0, 5));
    await patch(below, id, { gate: { minFinished: 6 } });
    await patch(below, id, { gate: null });
    await fail(below, sent.slice(5, 6));
    await rounds();
    expect((await get(below, id)).state).toBe("running");
    await patch(below, id, { gate: { minFinished: 6 } });
    expect((await reach(below, id, ({ state }) => state === "halted")).gate).toMatchObject({ failed: 6 });
  });

  it("moves the end of what is under way, also of what has it already", async () => {
    const below = await givenProduct(app, "expires", names(6));
    const { id } = await apply(app, below, names(6), { rollout: { maxConcurrent: 2 } });
    const sent = await release(below, id, 2);
    await tell(below, sent.slice(0, 1), "INIT");
    await patch(below, id, { expiresAt: inFuture(300_000) });
    await patch(below, id, { expiresAt: inFuture(1000) });
    const ended = await reach(below, id, ({ totals }) => totals["canceled"] === 5);
    expect(ended.totals).toMatchObject({ started: 1, canceled: 5 });
    const path = `${below}/deployments/${id}/updates?reason=EXPIRED`;
    expect((await app.call<{ items: unknown[] }>("GET", path)).body.items).toHaveLength(5);
  });

  it("lifts the end, and leaves nothing due that could not happen", async () => {
    const below = await givenProduct(app, "lifted", names(3));
    const options = { expiresAt: inFuture(1500), rollout: { maxConcurrent: 1 } };
    const { id } = await apply(app, below, names(3), options);
    await release(below, id, 1);
    expect((await patch(below, id, { expiresAt: null })).body.expiresAt).toBeUndefined();
    await new Promise((resolve) => setTimeout(resolve, 2200));
    expect((await get(below, id)).totals).toMatchObject({ sent: 1, waiting: 2 });
    const due = await Promise.all(
      Array.from({ length: app.stores.devices.shardCount }, (_, shard) => app.stores.devices.due(shard, 10)),
    );
    expect(due.flatMap(({ refs }) => refs).filter(({ productId }) => productId === "lifted")).toEqual([]);
  });

  it("is refused where it makes no sense", async () => {
    const below = await givenProduct(app, "nonsense", names(1));
    const { id } = await apply(app, below, names(1));
    expect((await patch(below, id, { expiresAt: inFuture(-1000) })).status).toBe(400);
    expect((await patch(below, id, { rollout: { waves: [100] } })).status).toBe(400);
    expect((await patch(below, id, { state: "paused" })).status).toBe(400);
    expect((await patch(below, "nope", {})).status).toBe(404);
    const mismatch = await patch(below, id, { gate: null }, { "if-match": '"77"' });
    expect([mismatch.status, mismatch.body.code]).toEqual([412, "REVISION_MISMATCH"]);
    await steer(below, id, "cancel");
    expect((await patch(below, id, { gate: null })).body.code).toBe("DEPLOYMENT_FINISHED");
  });
});
