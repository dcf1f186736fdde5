import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { makeDispatch, runInitScript } from "../../modules/runtime/events.ts";
import { loadSolution, type Solution } from "../../modules/runtime/load.ts";
import { parseManifest } from "../../modules/runtime/manifest.ts";
import { cleanUp, folderWith, serve } from "./support.ts";

const source = (path: string) => JSON.stringify(fileURLToPath(new URL(path, import.meta.url)));
const head = `
  import { z } from ${source("../../node_modules/zod/index.js")};
  import { createDefiners } from ${source("../../modules/runtime/define.ts")};
  import { OtauError } from ${source("../../modules/errors.ts")};
  const { endpoint, eventHandler, initScript } = createDefiners();
`;
const services = {
  device2: { events: ["data_in", "provisioned"], config: z.strictObject({ resources: z.array(z.string()) }) },
  timer: { events: ["timer"] },
};
const manifest = parseManifest(
  "solution.yaml",
  "formatversion: 1.0.0\ninfo: { name: a, summary: b, version: '1' }\nendpoints: { exclude: ['**/_*'] }\n",
);

type Part = Readonly<Record<string, string>>;
const definition = (changes: Part = {}): string => {
  const parts = {
    method: '"GET"',
    path: '"/things/{thingId}"',
    summary: '"A thing"',
    tags: "[]",
    security: '{ role: "viewer", scope: "root" }',
    params: "z.strictObject({ thingId: z.string() })",
    reply: "{ status: 200, schema: z.strictObject({ id: z.string() }) }",
    errors: "[]",
    handle: "({ params }) => ({ id: params.thingId })",
    ...changes,
  };
  const fields = Object.entries(parts).filter(([, code]) => code !== "");
  return `${head} export default endpoint({ ${fields.map(([name, code]) => `${name}: ${code}`).join(", ")} });`;
};

const load = async (files: Part): Promise<Solution> =>
  loadSolution(await folderWith(files), manifest, services);
const withoutParams = { params: "", handle: '() => ({ id: "x" })' };

afterAll(cleanUp);

describe("endpoint files", () => {
  it("are served under their own names", async () => {
    const refusing = '() => { throw new OtauError("EMPTY_TARGET", "Nobody is there.") }';
    const { endpoints } = await load({
      "endpoints/things.get.ts": definition(),
      "endpoints/deep/things.refuse.ts": definition({ method: '"POST"', handle: refusing }),
      "endpoints/_draft.ts": "export const nothing = 1;",
      "endpoints/notes.md": "no script",
    });
    expect(endpoints.map(({ operationId }) => operationId).sort()).toEqual(["things.get", "things.refuse"]);
    const server = await serve(Object.fromEntries(endpoints.map((one) => [one.operationId, one.endpoint])));
    expect(await (await server.call("/things/a%2Fb")).json()).toEqual({ id: "a/b" });
    // The script holds a copy of the errors module of its own.
    expect((await server.call("/things/a", { method: "POST" })).status).toBe(422);
  });

  it("prefer a fixed segment to a parameter in its place", async () => {
    const { endpoints } = await load({
      "endpoints/a.ts": definition(),
      "endpoints/b.ts": definition({ ...withoutParams, path: '"/things/new"' }),
    });
    const server = await serve(Object.fromEntries(endpoints.map((one) => [one.operationId, one.endpoint])));
    expect(await (await server.call("/things/new")).json()).toEqual({ id: "x" });
  });

  it.each([
    [
      "no default export",
      { "endpoints/a.ts": "export const a = 1;" },
      "endpoints/a.ts: has no default export",
    ],
    [
      "another default export",
      { "endpoints/a.ts": "export default {};" },
      "endpoints/a.ts: the default export is not",
    ],
    ["broken code", { "endpoints/a.ts": "export default (" }, "endpoints/a.ts: cannot be loaded"],
    [
      "no handler",
      { "endpoints/a.ts": definition({ handle: "" }) },
      "endpoints/a.ts: has no handle function",
    ],
    ["an odd method", { "endpoints/a.ts": definition({ method: '"FETCH"' }) }, "the method FETCH"],
    [
      "no role",
      { "endpoints/a.ts": definition({ security: '{ scope: "root" }' }) },
      "security names no role",
    ],
    [
      "no scope",
      { "endpoints/a.ts": definition({ security: '{ role: "viewer" }' }) },
      "security names no scope",
    ],
    ["no security", { "endpoints/a.ts": definition({ security: "" }) }, "security names no role"],
    [
      "a parameter without schema",
      { "endpoints/a.ts": definition({ params: "" }) },
      "{thingId} has no schema",
    ],
    [
      "a schema without parameter",
      { "endpoints/a.ts": definition({ path: '"/things"' }) },
      'params has "thingId", which is not in the path',
    ],
    [
      "a product path with root scope",
      {
        "endpoints/a.ts": definition({
          path: '"/products/{productId}"',
          params: "z.strictObject({ productId: z.string() })",
        }),
      },
      'the scope must be "product"',
    ],
    [
      "product scope without a product",
      { "endpoints/a.ts": definition({ security: '{ role: "viewer", scope: "product" }' }) },
      "has no {productId}",
    ],
    [
      "a bad path",
      { "endpoints/a.ts": definition({ path: '"things/*"' }) },
      'the path "things/*" is not one',
    ],
    [
      "a query that drops unknown fields",
      { "endpoints/a.ts": definition({ query: "z.object({})" }) },
      "query is a plain z.object",
    ],
    ["an unknown error", { "endpoints/a.ts": definition({ errors: '["OOPS"]' }) }, "the error OOPS"],
    [
      "a route twice",
      {
        "endpoints/a.ts": definition(),
        "endpoints/b.ts": definition({
          path: '"/things/{id}"',
          params: "z.strictObject({ id: z.string() })",
        }),
      },
      "endpoints/b.ts: the route GET /things/{} is already taken by endpoints/a.ts",
    ],
    [
      "a name twice",
      { "endpoints/a.ts": definition(), "endpoints/deep/a.ts": definition({ method: '"POST"' }) },
      "endpoints/deep/a.ts: the name a is already taken by endpoints/a.ts",
    ],
  ])("with %s keep the solution from starting", async (_what, files: Part, message) => {
    await expect(load(files)).rejects.toThrow(message);
  });
});

describe("service files", () => {
  const handler = (code: string) =>
    `${head} export default eventHandler({ payload: z.strictObject({ n: z.number() }), handle: ${code} });`;

  it("handle their events and configure their service", async () => {
    const { handlers, configs } = await load({
      "services/device2.yaml": "resources: [otau_in]\n",
      "services/timer.yaml": "",
      "services/device2/data_in.ts": handler("({ n }) => n + 1"),
    });
    expect(handlers.map(({ service, event }) => `${service}.${event}`)).toEqual(["device2.data_in"]);
    expect([...configs]).toEqual([
      ["device2", { resources: ["otau_in"] }],
      ["timer", {}],
    ]);
  });

  it.each([
    [
      "an unknown service",
      { "services/toaster/data_in.ts": handler("() => 1") },
      'unknown service "toaster"',
    ],
    [
      "an unknown event",
      { "services/timer/data_in.ts": handler("() => 1") },
      'unknown event "data_in" of timer',
    ],
    [
      "no handler",
      { "services/timer/timer.ts": "export default 5;" },
      "services/timer/timer.ts: the default export",
    ],
    [
      "a file astray",
      { "services/timer.ts": handler("() => 1") },
      "a handler's place is services/<service>/<event>.ts",
    ],
    [
      "a bad setting",
      { "services/device2.yaml": "resources: [1]" },
      "services/device2.yaml:1:13: resources.0",
    ],
    [
      "an unknown setting",
      { "services/timer.yaml": "a: 1" },
      "services/timer.yaml:1:1: a: is not a known key",
    ],
  ])("with %s keep the solution from starting", async (_what, files: Part, message) => {
    await expect(load(files)).rejects.toThrow(message);
  });

  it("get the events of their service, the fallback those without a handler", async () => {
    const { handlers } = await load({
      "services/device2/data_in.ts": handler("({ n }, { seen }) => { seen.push(n); return n + 1; }"),
      "services/device2/fallback.ts": handler('(_payload, { seen }) => { seen.push("fallback"); }'),
      "services/timer/timer.ts": handler('() => { throw new Error("broken") }'),
    });
    const seen: unknown[] = [];
    const logged: unknown[] = [];
    const log = { warn: (line: unknown) => logged.push(line), error: (line: unknown) => logged.push(line) };
    const dispatch = makeDispatch(handlers, { helpersFor: () => ({ seen }), log });
    expect(await dispatch("device2", "data_in", { n: 1 })).toBe(2);
    await dispatch("device2", "provisioned", { n: 1 });
    expect(await dispatch("content", "created", {})).toBeUndefined();
    expect(seen).toEqual([1, "fallback"]);
    await expect(dispatch("device2", "data_in", { n: "1" })).rejects.toMatchObject({ code: "INVALID_INPUT" });
    await expect(dispatch("timer", "timer", { n: 1 })).rejects.toThrow("broken");
    expect(logged).toMatchObject([{ handler: "device2.data_in" }, { handler: "timer.timer" }]);
  });
});

it("runs the init script once, and again only if it did not end well", async () => {
  const root = await folderWith({
    "init.ts": `${head} export default initScript((helpers) => helpers.run());`,
  });
  const { initScript } = await loadSolution(root, { ...manifest, init_script: "init.ts" }, services);
  let ran = false;
  let runs = 0;
  const record = {
    alreadyRan: async () => ran,
    markRan: async () => {
      ran = true;
    },
  };
  const helpers = {
    run: () => {
      runs += 1;
      if (runs === 1) throw new Error("not yet");
    },
  };
  await expect(runInitScript(initScript, record, helpers)).rejects.toThrow("not yet");
  expect(await runInitScript(initScript, record, helpers)).toBe(true);
  expect(await runInitScript(initScript, record, helpers)).toBe(false);
  expect(runs).toBe(2);
});
