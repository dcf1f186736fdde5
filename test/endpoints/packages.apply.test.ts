import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApp, type TestApp } from "../support/app.ts";
import { apply, type Deployment, givenProduct, type Page, type Problem, updateIn } from "./support.ts";

type Applied = { deployment: Deployment; unknown?: { count: number; identities: string[] } };

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

const post = <Body = Applied & Problem>(below: string, body: unknown, headers: Record<string, string> = {}) =>
  app.call<Body>("POST", `${below}/packages/package_a.json/apply`, body, { headers });
const deploymentsOf = async (below: string) =>
  (await app.call<Page<Deployment>>("GET", `${below}/deployments`)).body.items;

describe("packages.apply", () => {
  it("answers 202 with the deployment and where it is, and every device gets its update", async () => {
    const below = await givenProduct(app, "a1", ["gw-1", "gw-2"]);
    const reply = await post(below, { devices: ["gw-1", "gw-2", "gw-1"] });
    expect(reply.status).toBe(202);
    const { deployment } = reply.body;
    expect(deployment).toMatchObject({ packageId: "package_a.json", version: "1.0.1", state: "running" });
    expect(deployment.totals["total"]).toBe(2);
    expect(reply.headers.get("location")).toBe(`/api/v1${below}/deployments/${deployment.id}`);
    const found = await fetch(`${app.apiUrl}${reply.headers.get("location")}`, {
      headers: { authorization: `Bearer ${app.token}` },
    });
    expect(await found.json()).toMatchObject({ id: deployment.id });
    for (const identity of ["gw-1", "gw-2"]) await updateIn(app, below, identity, "sent");
  });

  it("takes a target, all of whose conditions hold", async () => {
    const below = await givenProduct(app, "a2");
    await app.call("POST", `${below}/devices`, [
      { identity: "d1", tags: { site: "berlin" }, installedVersion: "1.0.0" },
      { identity: "d2", tags: { site: "berlin" }, installedVersion: "0.9" },
      { identity: "d3", tags: { site: "bonn" }, installedVersion: "1.0.0" },
    ]);
    const totalOf = async (target: object) => (await post(below, { target })).body.deployment.totals["total"];
    expect(await totalOf({ all: true })).toBe(3);
    expect(await totalOf({ tags: { site: "berlin" } })).toBe(2);
    expect(await totalOf({ tags: { site: "berlin" }, installedVersion: ["1.0.0"] })).toBe(1);
  });

  it("refuses whole, with nothing written", async () => {
    const below = await givenProduct(app, "a3", ["gw-1"]);
    const refused = async (body: unknown) => {
      const { status, body: problem } = await post(below, body);
      return [status, problem.code];
    };
    expect(await refused({ devices: [] })).toEqual([422, "EMPTY_TARGET"]);
    expect(await refused({ target: { tags: { no: "such" } } })).toEqual([422, "EMPTY_TARGET"]);
    expect(await refused({ devices: ["gw-1", "gw-2"] })).toEqual([422, "UNKNOWN_DEVICES"]);
    expect((await post(below, { devices: ["gw-1", "gw-2"] })).body.identities).toEqual(["gw-2"]);
    const path = `${below}/packages/package_none.json/apply`;
    expect((await app.call("POST", path, { devices: ["gw-1"] })).status).toBe(404);
    const many = Array.from({ length: 10_001 }, (_, index) => `x${index}`);
    expect(await refused({ devices: many })).toEqual([413, "TOO_LARGE"]);
    expect(await deploymentsOf(below)).toEqual([]);
    expect((await app.call("GET", `${below}/devices/gw-1/update`)).status).toBe(404);
  });

  it("skips unknown devices where asked to, and says which", async () => {
    const below = await givenProduct(app, "a4", ["gw-1"]);
    const reply = await post(below, { devices: ["gw-1", "gw-9"], onUnknown: "skip" });
    expect([reply.status, reply.body.unknown]).toEqual([202, { count: 1, identities: ["gw-9"] }]);
    const none = await post(below, { devices: ["gw-9"], onUnknown: "skip" });
    expect([none.status, none.body.code]).toEqual([422, "EMPTY_TARGET"]);
  });

  it.each([
    [{}, ""],
    [{ devices: ["gw-1"], target: { all: true } }, ""],
    [{ target: {} }, "/target"],
    [{ devices: ["gw 1"] }, "/devices/0"],
    [{ devices: ["gw-1"], option: {} }, "/option"],
    [{ devices: ["gw-1"], options: { forced: true } }, "/options/forced"],
    [{ devices: ["gw-1"], options: { onActive: "stop" } }, "/options/onActive"],
    [{ devices: ["gw-1"], options: { rollout: { maxConcurrent: 0 } } }, "/options/rollout/maxConcurrent"],
    [{ devices: ["gw-1"], options: { expiresAt: "2020-01-01T00:00:00Z" } }, "/options/expiresAt"],
  ])("refuses %j", async (body, path) => {
    await app.call("PUT", "/products/a5/devices/gw-1", {});
    const below = await givenProduct(app, "a5", ["gw-1"]);
    const reply = await post(below, body);
    expect([reply.status, reply.body.code]).toEqual([400, "INVALID_INPUT"]);
    expect(reply.body.errors?.map((fault) => fault.path)).toContain(path);
  });

  it("foresees with dryRun, and writes nothing", async () => {
    const below = await givenProduct(app, "a6");
    await app.call("POST", `${below}/devices`, [
      { identity: "d1", installedVersion: "1.0.1" },
      { identity: "d2" },
    ]);
    const body = { target: { all: true }, options: { dryRun: true, rollout: { ratePerMinute: 1 } } };
    const reply = await post<object>(below, body);
    expect([reply.status, reply.body]).toEqual([
      200,
      { total: 2, skipped: { ALREADY_INSTALLED: 1 }, sample: ["d2"], forecastMs: 60_000 },
    ]);
    expect(await deploymentsOf(below)).toEqual([]);
  });

  it("refuses the whole, naming the busy, where nothing may be superseded", async () => {
    const below = await givenProduct(app, "a7", ["gw-1", "gw-2"]);
    await app.call("PUT", `${below}/packages/package_b.json`, {
      otau_info: { config_otau: { version: "2", name: "n", type: "JSON", payload: {} } },
    });
    await apply(app, below, ["gw-1"], {}, "package_b.json");
    await updateIn(app, below, "gw-1", "sent");
    const reply = await post(below, { devices: ["gw-1", "gw-2"], options: { onActive: "reject" } });
    expect([reply.status, reply.body.code, reply.body.identities, reply.body.count]).toEqual([
      409,
      "UPDATE_IN_PROGRESS",
      ["gw-1"],
      1,
    ]);
    expect(await deploymentsOf(below)).toHaveLength(1);
  });

  it("applies once for a key, however often it is sent", async () => {
    const below = await givenProduct(app, "a8", ["gw-1"]);
    const headers = { "idempotency-key": "apply-1" };
    const body = { devices: ["gw-1"] };
    const replies = await Promise.all([1, 2, 3].map(() => post(below, body, headers)));
    const answered = replies.filter(({ status }) => status === 202);
    expect(answered.length).toBeGreaterThan(0);
    for (const { status, body: problem } of replies.filter((reply) => reply.status !== 202)) {
      expect([status, problem.code]).toEqual([409, "IDEMPOTENCY_IN_PROGRESS"]);
    }
    const again = await post(below, body, headers);
    expect([again.status, again.body]).toEqual([202, answered[0]?.body]);
    expect(again.headers.get("location")).toBe(answered[0]?.headers.get("location"));
    expect(await deploymentsOf(below)).toHaveLength(1);
    const other = await post(below, { target: { all: true } }, headers);
    expect([other.status, other.body.code]).toEqual([422, "IDEMPOTENCY_KEY_REUSED"]);
    expect((await post(below, body, { "idempotency-key": "x".repeat(129) })).status).toBe(400);
  });

  it("keeps a key free for another try after a refusal and after a dry run", async () => {
    const below = await givenProduct(app, "a9");
    const headers = { "idempotency-key": "apply-2" };
    expect((await post(below, { devices: ["gw-1"] }, headers)).status).toBe(422);
    await app.call("PUT", `${below}/devices/gw-1`, {});
    const dry = { devices: ["gw-1"], options: { dryRun: true } };
    expect((await post(below, dry, headers)).status).toBe(200);
    expect((await post(below, { devices: ["gw-1"] }, headers)).status).toBe(202);
  });
});
