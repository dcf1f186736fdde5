import { afterAll, beforeAll, describe, expect, it } from "vitest";
import readyz from "../../endpoints/readyz.ts";
import { cleanUp, serve } from "../runtime/support.ts";
import { startApp, type TestApp } from "../support/app.ts";

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(async () => {
  await app.close();
  await cleanUp();
});

describe("healthz and readyz", () => {
  it("say that the process lives and what readiness rests on, without a token", async () => {
    const alive = await app.call("GET", "//healthz", undefined, { token: null });
    expect([alive.status, alive.body]).toEqual([200, { status: "ok" }]);
    const ready = await app.call<{ checks: { isOk: boolean }[] }>("GET", "//readyz", undefined, {
      token: null,
    });
    expect(ready.body).toMatchObject({ status: "ready", store: { rung: "external", durability: "no" } });
    expect(ready.body.checks.every(({ isOk }) => isOk)).toBe(true);
  });

  it("answer 503 with what failed, as every error is answered", async () => {
    const checks = [
      { name: "store", isOk: true, detail: "answers" },
      { name: "deadlines", isOk: false, detail: "oldest is 12 s late" },
    ];
    const store = { rung: "own", durability: "always", note: "a Redis of its own" };
    const health = { readiness: async () => ({ isReady: false, checks }), store };
    const server = await serve({ readyz }, { helpersFor: () => ({ app: { health } }) });
    const reply = await server.call("/readyz");
    expect([reply.status, reply.headers.get("content-type")]).toEqual([503, "application/problem+json"]);
    expect(reply.headers.get("retry-after")).toBe("1");
    const body = await reply.json();
    expect(body).toMatchObject({ status: 503, code: "STORE_UNAVAILABLE", checks, store });
    expect(body).toMatchObject({ detail: expect.stringContaining("oldest is 12 s late") });
  });
});

describe("metrics", () => {
  it("gives figures as Prometheus reads them", async () => {
    const reply = await app.call<string>("GET", "//metrics", undefined, { token: null });
    expect(reply.headers.get("content-type")).toMatch(/^text\/plain/);
    expect(reply.body).toMatch(/^# HELP /m);
  });
});

describe("openapi", () => {
  it("describes every operation: summary, tags, who may call, errors", async () => {
    type Operation = {
      operationId: string;
      summary: string;
      tags: string[];
      responses: object;
      security: object[];
    };
    type Document = { openapi: string; paths: Record<string, Record<string, Operation>> };
    const { status, body } = await app.call<Document>("GET", "//openapi.json", undefined, { token: null });
    expect([status, body.openapi]).toEqual([200, "3.1.1"]);
    const operations = Object.values(body.paths).flatMap((path) => Object.values(path));
    expect(operations.map(({ operationId }) => operationId)).toContain("packages.apply");
    for (const operation of operations) {
      expect(operation.summary.length).toBeGreaterThan(10);
      expect(operation.tags).toHaveLength(1);
      expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(["400", "500", "503"]));
    }
    expect(body.paths["/readyz"]?.["get"]?.responses).toMatchObject({
      "503": { description: "A check has failed" },
    });
  });
});
