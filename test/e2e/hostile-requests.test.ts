import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { givenProduct, infoOf, type Page } from "../endpoints/support.ts";
import { startApp, type TestApp } from "../support/app.ts";
import { pictureOf, refusalOf } from "./hostile-support.ts";

let app: TestApp;
let below: string;

beforeAll(async () => {
  app = await startApp();
  below = await givenProduct(app, "requests", ["gw-1", "gw-2"]);
});
afterAll(() => app.close());

const refused = [400, "INVALID_INPUT"];

/** What each of the bodies is answered; none of them may change anything. */
async function answersTo(method: string, path: string, bodies: readonly unknown[]) {
  const before = await pictureOf(app, below, "gw-1");
  const answers = [];
  for (const body of bodies) {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    answers.push([text.slice(0, 80), ...(await refusalOf(app, method, path, { body: text }))]);
  }
  expect(await pictureOf(app, below, "gw-1")).toEqual(before);
  return answers.filter(([, ...answer]) => JSON.stringify(answer) !== JSON.stringify(refused));
}

describe("an unknown or wrong field", () => {
  it("of a device is refused", async () => {
    const tooMany = Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`t${index}`, "x"]));
    const bodies = [
      ...[[], null, "x", 5].map((body) => JSON.stringify(body)),
      ...[{ identity: "gw-1" }, { tag: {} }, { installedVersion: 1 }, { installedVersion: "" }, { tags: [] }],
      ...[{ tags: { "a b": "x" } }, { tags: { "": "x" } }, { tags: { a: 1 } }, { tags: tooMany }],
      ...[{ tags: { a: "x".repeat(257) } }, '{"tags":{"__proto__":"x"}}', '{"tags":{"a":"\\ud800"}}'],
    ];
    expect(await answersTo("PUT", `${below}/devices/gw-1`, bodies)).toEqual([]);
    expect(await answersTo("PATCH", `${below}/devices/gw-1`, bodies)).toEqual([]);
  });

  it("of one device among many refuses them all", async () => {
    const good = { identity: "gw-9" };
    const bodies = [
      good,
      [good, good],
      [good, { identity: "a b" }],
      [good, { ...good, more: 1 }],
      [good, null],
    ];
    expect(await answersTo("POST", `${below}/devices`, bodies)).toEqual([]);
  });

  it("of an apply is refused, a target without a condition too", async () => {
    const devices = ["gw-1"];
    const options = [
      ...[null, [], { more: 1 }, { force: "yes" }, { onActive: "wait" }, { confirm: "never" }, { dryRun: 1 }],
      ...[{ timeouts: { more: 1 } }, { timeouts: { testMs: -1 } }, { timeouts: { testMs: "1000" } }],
      ...[{ retry: { on: ["INSTALL_ABORTED"] } }, { retry: { maxAttempts: 0 } }, { retry: { jitter: 2 } }],
      ...[{ startAt: "tomorrow" }, { expiresAt: "2001-01-01T00:00:00Z" }, { rollout: { more: 1 } }],
      ...[
        { rollout: { waves: [50, 40] } },
        { rollout: { waves: [0, 100] } },
        { rollout: { maxConcurrent: 0 } },
      ],
      ...[{ rollout: { gate: { maxFailedPercent: 101 } } }, { rollout: { approval: "maybe" } }],
    ].map((each) => ({ devices, options: each }));
    const targets = [
      {},
      { all: false },
      { tags: {} },
      { tags: { a: ["b"] } },
      { installedVersion: "1" },
      { more: 1 },
    ];
    const bodies = [
      ...[
        {},
        { devices, target: { all: true } },
        { devices: "gw-1" },
        { devices: [5] },
        { devices: ["a/b"] },
      ],
      ...[{ devices, more: 1 }, { devices, onUnknown: "ask" }, '{"target":{"tags":{"__proto__":"x"}}}'],
      ...targets.map((target) => ({ target })),
      ...options,
    ];
    expect(await answersTo("POST", `${below}/packages/package_a.json/apply`, bodies)).toEqual([]);
  });

  it("of a product, a token or an act is refused", async () => {
    const settings = [
      { more: 1 },
      { timeouts: { more: 1 } },
      { provisioning: { open: "yes" } },
      { confirm: "x" },
    ];
    expect(await answersTo("PUT", below, settings)).toEqual([]);
    const token = { name: "t", role: "viewer", products: ["*"] };
    const tokens = [
      { ...token, role: "root" },
      { ...token, products: [] },
      { ...token, more: 1 },
      { name: "t" },
    ];
    expect(await answersTo("POST", "/tokens", tokens)).toEqual([]);
    const acts = [{ more: 1 }, [], "null", { updateId: 5 }];
    expect(await answersTo("POST", `${below}/devices/gw-1/cancel`, acts)).toEqual([]);
    expect(await answersTo("POST", `${below}/devices/gw-1/retry`, acts)).toEqual([]);
    expect(await answersTo("POST", `${below}/devices/gw-1/token`, [{ revoke: 1 }, { more: 1 }])).toEqual([]);
    const withdrawals = [{}, { reason: "" }, { reason: "x", stop: "yes" }, { reason: "x", more: 1 }];
    expect(await answersTo("POST", `${below}/packages/package_a.json/withdraw`, withdrawals)).toEqual([]);
    const states = [{}, { otau_in: "x" }, { config_otau: 5 }, { "a.b": "x" }, '{"__proto__":"x"}', []];
    expect(await answersTo("PATCH", `${below}/devices/gw-1/state`, states)).toEqual([]);
  });
});

describe("an unknown or wrong parameter", () => {
  const lists = ["packages", "content", "deployments", "updates", "devices", "devices/gw-1/history", "audit"];

  it.each(lists)("of the list %s is refused", async (list) => {
    const queries = [
      "more=1",
      "__proto__=1",
      "limit=0",
      "limit=501",
      "limit=1e1",
      "limit=1&limit=2",
      "limit=%00",
    ];
    for (const query of [...queries, "limit=%FF", "limit=%zz"]) {
      expect([query, ...(await refusalOf(app, "GET", `${below}/${list}?${query}`))]).toEqual([
        query,
        ...refused,
      ]);
    }
    for (const cursor of ["x", "W10", "%2B", "a".repeat(5000)]) {
      const [status, code] = await refusalOf(app, "GET", `${below}/${list}?cursor=${cursor}`);
      expect([status, ["CURSOR_INVALID", "INVALID_INPUT"].includes(code ?? "")]).toEqual([400, true]);
    }
  });

  it("is refused as well where a cursor comes with other filters", async () => {
    const first = await app.call<Page<unknown>>("GET", `${below}/devices?limit=1&updateState=none`);
    const path = `${below}/devices?limit=1&cursor=${first.body.next}`;
    expect(await refusalOf(app, "GET", path)).toEqual([400, "CURSOR_INVALID"]);
    expect(await refusalOf(app, "GET", `${path}&updateState=sent`)).toEqual([400, "CURSOR_INVALID"]);
    expect(await refusalOf(app, "GET", `${path}&updateState=none`)).toEqual([200, undefined]);
  });
});

describe("a device's address", () => {
  const ids = [
    "..",
    "%2e%2e",
    "a%2Fb",
    "%2B",
    "%23",
    "*",
    "%7Ba%7D",
    "%00",
    "a%00",
    "%C3",
    "%F0%9F%9A%80",
    "a%0Ab",
  ];

  it.each(
    [...ids, "_a", "__proto__", "x".repeat(129), "x".repeat(10_000)].map((id) => [id.slice(0, 30), id]),
  )("is refused: %s", async (_shown, id) => {
    for (const route of ["", "/update", "/history", "/state"]) {
      expect(await refusalOf(app, "GET", `${below}/devices/${id}${route}`)).toEqual(refused);
    }
    expect(await refusalOf(app, "PUT", `${below}/devices/${id}`, { body: "{}" })).toEqual(refused);
  });

  it.each(["a:b@c._-", "constructor", "toString", "x".repeat(128)])(
    "is a name like any other: %s",
    async (id) => {
      await app.call("PUT", `${below}/devices/${id}`, { tags: { constructor: "x", toString: "y" } });
      const { body } = await app.call<{ tags: object }>("GET", `${below}/devices/${id}`);
      expect(body.tags).toEqual({ constructor: "x", toString: "y" });
      expect((await app.call("DELETE", `${below}/devices/${id}`)).status).toBe(204);
    },
  );
});

describe("a body", () => {
  const path = () => `${below}/packages/package_b.json`;
  const good = JSON.stringify({ otau_info: infoOf("1") });

  it("is refused for its form, whatever it says", async () => {
    const deep = `{"otau_info":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
    const broken = Buffer.concat([
      Buffer.from('{"otau_info":"'),
      Buffer.from([0xc3, 0x28]),
      Buffer.from('"}'),
    ]);
    for (const body of ["", "{", `${good}x`, deep, "[".repeat(100_000), broken]) {
      expect(await refusalOf(app, "PUT", path(), { body })).toEqual(refused);
    }
    const types = ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", ""];
    for (const type of types) {
      const answer = await refusalOf(app, "PUT", path(), { body: good, headers: { "content-type": type } });
      expect([type, ...answer]).toEqual([type, 415, "UNSUPPORTED_MEDIA_TYPE"]);
    }
    const zipped = { body: gzipSync(good), headers: { "content-encoding": "gzip" } };
    expect(await refusalOf(app, "PUT", path(), zipped)).toEqual([415, "UNSUPPORTED_MEDIA_TYPE"]);
    expect(await refusalOf(app, "GET", path())).toEqual([404, "NOT_FOUND"]);
  });

  it("is refused beyond its limit and taken up to it", async () => {
    const mebi = 1_048_576;
    const filled = (length: number) => good + " ".repeat(length - good.length);
    expect(await refusalOf(app, "PUT", path(), { body: filled(mebi + 1) })).toEqual([413, "TOO_LARGE"]);
    expect(await refusalOf(app, "PUT", path(), { body: filled(mebi) })).toEqual([201, undefined]);
    const list = (length: number) => `[${" ".repeat(length - 2)}]`;
    for (const route of ["devices", "events", "packages/package_a.json/apply"]) {
      const over = await refusalOf(app, "POST", `${below}/${route}`, { body: list(16 * mebi + 1) });
      expect([route, ...over]).toEqual([route, 413, "TOO_LARGE"]);
    }
    expect(await refusalOf(app, "POST", `${below}/devices`, { body: list(16 * mebi) })).toEqual([
      200,
      undefined,
    ]);
  });

  it("of one device a line is taken whole or not at all", async () => {
    const headers = { "content-type": "application/x-ndjson" };
    const line = (identity: string) => `${JSON.stringify({ identity })}\n`;
    const many = Array.from({ length: 10_001 }, (_, index) => line(`many-${index}`)).join("");
    const before = await pictureOf(app, below, "gw-1");
    for (const body of [`${line("n1")}{"identity":"n2"`, `${line("n1")}[]`, `${line("n1")}${line("a b")}`]) {
      expect(await refusalOf(app, "POST", `${below}/devices`, { body, headers })).toEqual(refused);
    }
    expect(await refusalOf(app, "POST", `${below}/devices`, { body: many, headers })).toEqual([
      413,
      "TOO_LARGE",
    ]);
    expect(await pictureOf(app, below, "gw-1")).toEqual(before);
    const body = `${line("n1")}\r\n${line("n2")}`;
    expect(await refusalOf(app, "POST", `${below}/devices`, { body, headers })).toEqual([200, undefined]);
  });

  it("is not even read where the URL or the headers are too long", async () => {
    const url = `${below}/devices?q=${"x".repeat(40_000)}`;
    expect(await refusalOf(app, "GET", url)).toEqual([414, "TOO_LARGE"]);
    const headers = { "x-filler": "x".repeat(70_000) };
    expect(await refusalOf(app, "GET", below, { headers })).toEqual([431, "TOO_LARGE"]);
  });
});
