import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApp, type TestApp } from "../support/app.ts";
import {
  apply,
  givenProduct,
  infoOf,
  type Page,
  type Problem,
  readAll,
  report,
  type Update,
  updateIn,
} from "./support.ts";

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

const act = (below: string, verb: string, body?: unknown) =>
  app.call<Update & Problem>("POST", `${below}/devices/gw-1/${verb}`, body);

describe("devices.update, devices.updates and devices.packages", () => {
  it("show the live update, all of them, and what can be applied", async () => {
    const below = await givenProduct(app, "u1", ["gw-1"]);
    await app.call("PUT", `${below}/packages/package_b.json`, { otau_info: infoOf("2") });
    await app.call("PUT", `${below}/content/package_invalid.json`);
    expect((await app.call("GET", `${below}/devices/gw-1/update`)).status).toBe(404);
    const first = await apply(app, below, ["gw-1"]);
    await updateIn(app, below, "gw-1", "sent");
    const second = await apply(app, below, ["gw-1"], { onActive: "queue" }, "package_b.json");
    const live = await app.call<Update>("GET", `${below}/devices/gw-1/update`);
    expect(live.body).toMatchObject({ deploymentId: first.id, state: "sent" });
    expect(live.headers.get("etag")).toBe(`"${live.body.revision}"`);
    const all = await readAll<Update>(app, `${below}/devices/gw-1/updates`, 1);
    expect(all.map(({ deploymentId, state }) => [deploymentId, state])).toEqual([
      [second.id, "waiting"],
      [first.id, "sent"],
    ]);
    await report(app, below, "gw-1", { version: "1.0.1", status: "INSTALLED_VERSION" });
    await updateIn(app, below, "gw-1", "sent");
    const items = await readAll<object>(app, `${below}/devices/gw-1/packages`, 1);
    expect(items).toMatchObject([
      { id: "package_b.json", installed: false, updating: true },
      { id: "package_a.json", installed: true, updating: false },
    ]);
  });
});

describe("devices.cancel", () => {
  it("ends the live update, answers 200 again, and 404 where there is none", async () => {
    const below = await givenProduct(app, "x1", ["gw-1"]);
    expect((await act(below, "cancel")).status).toBe(404);
    await apply(app, below, ["gw-1"]);
    await updateIn(app, below, "gw-1", "sent");
    const canceled = await act(below, "cancel");
    expect([canceled.status, canceled.body.state, canceled.body.reason]).toEqual([
      200,
      "canceled",
      "CANCELED",
    ]);
    const again = await act(below, "cancel");
    expect([again.status, again.body]).toEqual([200, canceled.body]);
  });

  it("refuses an update that has ended otherwise", async () => {
    const below = await givenProduct(app, "x2", ["gw-1"]);
    await apply(app, below, ["gw-1"]);
    await updateIn(app, below, "gw-1", "sent");
    await report(app, below, "gw-1", { version: "1.0.1", status: "INSTALLED_VERSION" });
    const reply = await act(below, "cancel");
    expect([reply.status, reply.body.code]).toEqual([409, "ALREADY_FINAL"]);
  });

  it("means the named update alone", async () => {
    const below = await givenProduct(app, "x3", ["gw-1", "gw-2"]);
    const first = await apply(app, below, ["gw-1", "gw-2"]);
    const live = await updateIn(app, below, "gw-1", "sent");
    const other = await updateIn(app, below, "gw-2", "sent");
    const second = await apply(app, below, ["gw-1"], { onActive: "queue", force: true });
    const [waiting] = (await app.call<Page<Update>>("GET", `${below}/devices/gw-1/updates`)).body.items;
    expect(waiting).toMatchObject({ deploymentId: second.id, state: "waiting" });
    expect((await act(below, "cancel", { updateId: waiting?.id })).body.deploymentId).toBe(second.id);
    expect(await updateIn(app, below, "gw-1", "sent")).toMatchObject({ deploymentId: first.id });
    expect((await act(below, "cancel", { updateId: other.id })).status).toBe(404);
    expect((await act(below, "cancel", { updateId: "nonsense" })).status).toBe(404);
    expect((await act(below, "cancel", { update: live.id })).status).toBe(400);
    expect((await act(below, "cancel", { updateId: live.id })).body).toMatchObject({
      id: live.id,
      state: "canceled",
    });
  });
});

describe("devices.retry", () => {
  it("opens the newest that can be, once", async () => {
    const below = await givenProduct(app, "r1", ["gw-1"]);
    const none = await act(below, "retry");
    expect([none.status, none.body.code]).toEqual([409, "NOTHING_TO_RETRY"]);
    await apply(app, below, ["gw-1"]);
    const sent = await updateIn(app, below, "gw-1", "sent");
    await act(below, "cancel");
    const retried = await act(below, "retry");
    expect([retried.status, retried.body.id]).toEqual([200, sent.id]);
    expect(await updateIn(app, below, "gw-1", "sent")).toMatchObject({ attempt: 2 });
    const again = await act(below, "retry");
    expect([again.status, again.body.code]).toEqual([409, "NOTHING_TO_RETRY"]);
    expect((await act(below, "retry", { updateId: "d0-0x9" })).status).toBe(404);
  });

  it("is refused while the package is withdrawn", async () => {
    const below = await givenProduct(app, "r2", ["gw-1"]);
    await apply(app, below, ["gw-1"]);
    await updateIn(app, below, "gw-1", "sent");
    await act(below, "cancel");
    await app.call("POST", `${below}/packages/package_a.json/withdraw`, { reason: "bad" });
    const reply = await act(below, "retry");
    expect([reply.status, reply.body.code]).toEqual([409, "PACKAGE_WITHDRAWN"]);
  });
});

describe("devices.state.get and devices.state.patch", () => {
  const config = '{"version":"9", "name":"n","type":"JSON","payload":{}}';
  type State = Record<string, { set?: unknown; reported?: unknown; timestamp: number }>;
  const path = (below: string) => `${below}/devices/gw-1/state`;

  it("track a valid config_otau as an update of its own", async () => {
    const below = await givenProduct(app, "s1", ["gw-1"]);
    expect((await app.call("GET", path(below))).body).toEqual({});
    const reply = await app.call("PATCH", path(below), { config_otau: config, led: true });
    expect(reply.status).toBe(204);
    const { body } = await app.call<State>("GET", path(below));
    expect(body["config_otau"]).toMatchObject({ set: config });
    expect(body["led"]).toMatchObject({ set: true });
    const update = await updateIn(app, below, "gw-1", "sent");
    const deployment = await app.call("GET", `${below}/deployments/${update.deploymentId}`);
    expect(deployment.body).toMatchObject({ source: "device2", version: "9", totals: { total: 1 } });
    expect(deployment.body).not.toHaveProperty("packageId");
    expect(update).not.toHaveProperty("packageId");
    expect((await app.call("GET", `${below}/devices/gw-1/why`)).body).not.toHaveProperty("details.packageId");
    await app.call("PATCH", path(below), { config_otau: config });
    expect((await app.call<Page<Update>>("GET", `${below}/devices/gw-1/updates`)).body.items).toHaveLength(1);
  });

  it("write an invalid config_otau without making an update", async () => {
    const below = await givenProduct(app, "s2", ["gw-1"]);
    expect((await app.call("PATCH", path(below), { config_otau: "{}" })).status).toBe(204);
    expect((await app.call<State>("GET", path(below))).body["config_otau"]?.set).toBe("{}");
    expect((await app.call("GET", `${below}/devices/gw-1/update`)).status).toBe(404);
  });

  it.each([{ otau_in: "{}" }, {}, { "a.b": 1 }, { config_otau: { version: "1" } }, []])(
    "refuse %j",
    async (body) => {
      const below = await givenProduct(app, "s3", ["gw-1"]);
      expect((await app.call("PATCH", path(below), body)).status).toBe(400);
      expect((await app.call("GET", path(below))).body).toEqual({});
    },
  );
});

describe("devices.history", () => {
  type Line = { seq: number; kind: string; from?: string; to?: string; decision?: string };

  it("gives every line in order, or the newest first, once over pages", async () => {
    const below = await givenProduct(app, "h1", ["gw-1"]);
    await apply(app, below, ["gw-1"]);
    await updateIn(app, below, "gw-1", "sent");
    for (const status of ["INIT", "DOWNLOAD", "INSTALL", "INSTALL_SUCCESS", "INSTALLED_VERSION"]) {
      await report(app, below, "gw-1", { version: "1.0.1", status });
    }
    await report(app, below, "gw-1", "not json");
    const path = `${below}/devices/gw-1/history`;
    const lines = await readAll<Line>(app, path, 2);
    expect(lines.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(lines[0]).toMatchObject({ kind: "write", from: "waiting", to: "sent" });
    expect(lines.at(-1)).toMatchObject({ kind: "report", decision: "rejected" });
    expect(await readAll<Line>(app, `${path}?order=desc`, 2)).toEqual(lines.toReversed());
    expect((await app.call("GET", `${path}?order=up`)).status).toBe(400);
    expect((await app.call("GET", `${below}/devices/nobody/history`)).status).toBe(404);
  });
});

describe("summary.get", () => {
  it("counts every device once", async () => {
    const below = await givenProduct(app, "sum", ["gw-1", "gw-2"]);
    await apply(app, below, ["gw-1"]);
    await updateIn(app, below, "gw-1", "sent");
    await report(app, below, "gw-1", { version: "1.0.1", status: "INSTALLED_VERSION" });
    expect((await app.call("GET", `${below}/summary`)).body).toMatchObject({
      total: 2,
      byUpdateState: { none: 1, succeeded: 1 },
      byInstalledVersion: expect.arrayContaining([
        { version: "1.0.1", count: 1 },
        { version: null, count: 1 },
      ]),
      drifted: 0,
      online: 1,
      seen: { lastHour: 1, lastDay: 0, earlier: 0, never: 1 },
    });
  });
});
