import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApp, type TestApp } from "../support/app.ts";
import { apply, givenProduct, type Problem, updateIn } from "./support.ts";

type Result = {
  identity?: string;
  reports: { stampedAt: string; decision: string; status?: string; state?: string; updateId?: string }[];
  error?: { code: string; detail: string };
};

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

const post = (below: string, body: unknown) =>
  app.call<{ results: Result[] } & Problem>("POST", `${below}/events`, body);
const said = (status: string, version = "1.0.1") => ({ otau_in: JSON.stringify({ version, status }) });
const dataIn = (identity: string, ...values: object[]) => ({
  type: "data_in",
  identity,
  payload: values.map((each) => ({ values: each })),
});

describe("events.create", () => {
  it("decides every report of every event, in order", async () => {
    const below = await givenProduct(app, "e1", ["gw-1", "gw-2"]);
    await apply(app, below, ["gw-1"]);
    const { id } = await updateIn(app, below, "gw-1", "sent");
    const reply = await post(below, [
      dataIn("gw-1", said("INIT"), { temperature: 20 }, said("TEST")),
      dataIn("gw-2", said("INIT")),
      dataIn("gw-1", said("TEST"), said("INIT", "7")),
    ]);
    expect(reply.status).toBe(200);
    const { results } = reply.body;
    expect(results.map(({ identity }) => identity)).toEqual(["gw-1", "gw-2", "gw-1"]);
    expect(results.map(({ reports }) => reports.map(({ decision }) => decision))).toEqual([
      ["applied", "applied"],
      ["unmatched"],
      ["repeat", "unmatched"],
    ]);
    expect(results[0]?.reports[1]).toMatchObject({ status: "TEST", state: "testing", updateId: id });
    expect(results[0]?.reports[0]?.stampedAt).toMatch(/^\d{4}-.*\.\d{3}Z$/);
  });

  it("takes one event by itself, and stamps of the platform", async () => {
    const below = await givenProduct(app, "e2", ["gw-1"]);
    const at = Date.now() - 60_000;
    const whole = {
      type: "data_in",
      identity: "gw-1",
      ip: "10.0.0.1",
      protocol: "onep",
      connection_id: "c1",
      tags: [],
      timestamp: at * 1000,
      payload: [
        { values: said("INSTALLED_VERSION", "3") },
        { timestamp: at * 1000 + 5000, values: said("INIT") },
      ],
    };
    const { results } = (await post(below, whole)).body;
    expect(results).toHaveLength(1);
    expect(results[0]?.reports.map(({ stampedAt }) => Date.parse(stampedAt))).toEqual([at, at + 5]);
    expect((await app.call("GET", `${below}/devices/gw-1`)).body).toMatchObject({ installedVersion: "3" });
  });

  it("lets no bad event stop another", async () => {
    const below = await givenProduct(app, "e3", ["gw-1"]);
    const { results } = (
      await post(below, [
        dataIn("nobody", said("INIT")),
        dataIn("no such identity!", said("INIT")),
        "nonsense",
        null,
        { type: "data_in" },
        { ...dataIn("gw-1", said("INIT")), typo: 1 },
        { ...dataIn("gw-1"), payload: "x" },
        dataIn("gw-1", said("INIT")),
        dataIn("gw-1", { otau_in: { version: "1", status: "INIT" } }, { otau_in: null }, { otau_in: "{" }),
        { type: "connect", identity: "gw-1" },
        { type: "connect", identity: "nobody" },
        dataIn("gw-1", { temperature: 3 }),
      ])
    ).body;
    expect(results.map(({ error }) => error?.code)).toEqual([
      "NOT_FOUND",
      "NOT_FOUND",
      "INVALID_INPUT",
      "INVALID_INPUT",
      "INVALID_INPUT",
      "INVALID_INPUT",
      "INVALID_INPUT",
      undefined,
      undefined,
      undefined,
      "NOT_FOUND",
      undefined,
    ]);
    expect(results[0]).toMatchObject({ identity: "nobody", reports: [] });
    expect(results[7]?.reports.map(({ decision }) => decision)).toEqual(["unmatched"]);
    expect(results[8]?.reports.map(({ decision }) => decision)).toEqual(["rejected", "rejected", "rejected"]);
  });

  it("takes 1000 events and no more, and none at all", async () => {
    const below = await givenProduct(app, "e4", ["gw-1", "gw-2"]);
    const many = Array.from({ length: 1001 }, () => ({ type: "connect", identity: "gw-1" }));
    const refused = await post(below, many);
    expect([refused.status, refused.body.code]).toEqual([413, "TOO_LARGE"]);
    const { results } = (await post(below, many.slice(1))).body;
    expect(results).toHaveLength(1000);
    expect(results.every(({ error }) => error === undefined)).toBe(true);
    expect((await post(below, [])).body.results).toEqual([]);
  });

  it.each(["text", 5, { type: "data_in" }, { identity: "gw-1" }])("refuses %j by itself", async (body) => {
    const below = await givenProduct(app, "e5", ["gw-1"]);
    const reply = await app.call<Problem>("POST", `${below}/events`, JSON.stringify(body), {
      headers: { "content-type": "application/json" },
    });
    expect([reply.status, reply.body.code]).toEqual([400, "INVALID_INPUT"]);
  });
});
