import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApp, type TestApp } from "../support/app.ts";
import { makeDeviceClient } from "../support/device-client.ts";
import { apply, givenProduct, type Page, type Problem, readAll, report, updateIn } from "./support.ts";

type Device = {
  identity: string;
  tags: Record<string, string>;
  installedVersion?: string;
  updateState: string;
  update?: { state: string };
  online: boolean;
  lastSeenAt?: string;
  activated: boolean;
  revision: number;
};
type Registered = { created: number; updated: number; unchanged: number; tokens?: Record<string, string> };

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

const register = (below: string, body: unknown, query = "", headers: Record<string, string> = {}) =>
  app.call<Registered & Problem>("POST", `${below}/devices${query}`, body, { headers });
const identitiesOf = async (below: string, query: string) =>
  (await readAll<Device>(app, `${below}/devices?${query}`, 2)).map(({ identity }) => identity);

describe("devices.create", () => {
  it("creates what is new, updates what differs, leaves the rest", async () => {
    const below = await givenProduct(app, "c1");
    const two = [
      { identity: "b", tags: { site: "x" } },
      { identity: "a", installedVersion: "1" },
    ];
    expect((await register(below, two)).body).toEqual({ created: 2, updated: 0, unchanged: 0 });
    const again = [...two, { identity: "c" }, { identity: "b2" }];
    expect((await register(below, again)).body).toEqual({ created: 2, updated: 0, unchanged: 2 });
    const changed = [{ identity: "a", tags: { site: "y" } }, { identity: "b" }];
    expect((await register(below, changed)).body).toEqual({ created: 0, updated: 1, unchanged: 1 });
    const device = (await app.call<Device>("GET", `${below}/devices/a`)).body;
    expect(device).toMatchObject({ tags: { site: "y" }, installedVersion: "1", updateState: "none" });
    expect(await identitiesOf(below, "")).toEqual(["a", "b", "b2", "c"]);
  });

  it("takes one device a line", async () => {
    const below = await givenProduct(app, "c2");
    const headers = { "content-type": "application/x-ndjson" };
    const lines = '{"identity":"a"}\n\n{"identity":"b"}\n';
    expect((await register(below, lines, "", headers)).body.created).toBe(2);
  });

  it("gives tokens where asked to, that work at once", async () => {
    const below = await givenProduct(app, "c3");
    const { tokens = {} } = (await register(below, [{ identity: "a" }, { identity: "b" }], "?tokens=true"))
      .body;
    expect(Object.keys(tokens)).toEqual(["a", "b"]);
    expect(tokens["a"]).toMatch(/^[0-9a-f]{40}$/);
    const device = makeDeviceClient(app.deviceUrl ?? "", tokens["a"] ?? "");
    expect(await device.write({ temperature: "20" })).toBe(204);
  });

  it("gives each of many its own token", async () => {
    const below = await givenProduct(app, "c6");
    const many = Array.from({ length: 250 }, (_, index) => ({ identity: `d${index}` }));
    const { tokens = {} } = (await register(below, many, "?tokens=true")).body;
    expect(new Set(Object.values(tokens)).size).toBe(250);
    const { deviceUrl = "" } = app;
    for (const identity of ["d0", "d199", "d200", "d249"]) {
      expect(await makeDeviceClient(deviceUrl, tokens[identity] ?? "").write({ x: "1" })).toBe(204);
    }
  });

  it.each([
    [[{ identity: "ok" }, { identity: "not ok" }], "/1/identity"],
    [[{ identity: "ok" }, { identity: "x", tags: { "a b": "c" } }], "/1/tags/a b"],
    [[{ identity: "ok" }, { identity: "x", tags: { a: "c".repeat(257) } }], "/1/tags/a"],
    [[{ identity: "ok" }, { identity: "x", tags: { a: 1 } }], "/1/tags/a"],
    [[{ identity: "ok" }, { identity: "x", color: "red" }], "/1/color"],
    [[{ identity: "ok" }, { identity: "x", installedVersion: "" }], "/1/installedVersion"],
    [[{ identity: "ok" }, { identity: "ok" }], "/1/identity"],
    [{ identity: "ok" }, ""],
  ])("registers none if one is not valid: %j", async (body, path) => {
    const below = await givenProduct(app, "c4");
    const reply = await register(below, body);
    expect([reply.status, reply.body.code]).toEqual([400, "INVALID_INPUT"]);
    expect(reply.body.errors?.map((fault) => fault.path)).toContain(path);
    expect(await identitiesOf(below, "")).toEqual([]);
  });

  it("refuses more than 32 tags, and more than 10,000 devices", async () => {
    const below = await givenProduct(app, "c5");
    const tags = Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`t${index}`, "x"]));
    expect((await register(below, [{ identity: "x", tags }])).status).toBe(400);
    const many = Array.from({ length: 10_001 }, (_, index) => ({ identity: `d${index}` }));
    const reply = await register(below, many);
    expect([reply.status, reply.body.code]).toEqual([413, "TOO_LARGE"]);
    // As many as are taken, one of them not valid: looked at, and refused for that.
    const full = [...many.slice(2), { identity: "not valid" }];
    expect((await register(below, full)).status).toBe(400);
  });
});

describe("devices.put, devices.patch and devices.get", () => {
  it("create, replace and merge tags", async () => {
    const below = await givenProduct(app, "t1");
    const path = `${below}/devices/gw-1`;
    const made = await app.call<Device>("PUT", path, { tags: { a: "1", b: "2" }, installedVersion: "1.0" });
    expect([made.status, made.body.tags, made.headers.get("etag")]).toEqual([201, { a: "1", b: "2" }, '"1"']);
    const patched = await app.call<Device>("PATCH", path, { tags: { a: null, c: "3" } });
    expect([patched.status, patched.body.tags]).toEqual([200, { b: "2", c: "3" }]);
    const replaced = await app.call<Device>("PUT", path, { tags: { d: "4" } });
    expect([replaced.status, replaced.body.tags]).toEqual([200, { d: "4" }]);
    expect(replaced.body).toMatchObject({ installedVersion: "1.0", revision: 3 });
    expect((await app.call("GET", path)).body).toEqual(replaced.body);
    const same = await app.call<Device>("PUT", path, { tags: { d: "4" } });
    expect(same.body.revision).toBe(3);
  });

  it("honour preconditions", async () => {
    const below = await givenProduct(app, "t2");
    const path = `${below}/devices/gw-1`;
    const put = (headers: Record<string, string>) => app.call<Problem>("PUT", path, {}, { headers });
    expect((await put({ "if-match": "*" })).status).toBe(412);
    expect((await put({ "if-match": '"1"' })).status).toBe(412);
    expect((await put({ "if-none-match": "*" })).status).toBe(201);
    const again = await put({ "if-none-match": "*" });
    expect([again.status, again.body.revision]).toEqual([412, 1]);
    expect((await put({ "if-match": "*" })).status).toBe(200);
    const stale = { headers: { "if-match": '"9"' } };
    expect((await app.call("PATCH", path, { tags: {} }, stale)).status).toBe(412);
    expect((await app.call("PATCH", `${path}/state`, { x: "1" }, stale)).status).toBe(412);
    expect((await app.call("DELETE", path, undefined, stale)).status).toBe(412);
  });

  it("refuse what is unknown or too much", async () => {
    const below = await givenProduct(app, "t3");
    const path = `${below}/devices/gw-1`;
    expect((await app.call("PATCH", path, { tags: {} })).status).toBe(404);
    await app.call("PUT", path, {});
    expect((await app.call("PATCH", path, { tag: {} })).status).toBe(400);
    expect((await app.call("PUT", path, { tags: { a: null } })).status).toBe(400);
    const tags = Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`t${index}`, "x"]));
    const reply = await app.call<Problem>("PATCH", path, { tags });
    expect([reply.status, reply.body.errors?.[0]?.path]).toEqual([400, "/tags"]);
    expect((await app.call("PUT", `${below}/devices/-x`, {})).status).toBe(400);
    expect((await app.call("GET", `${below}/devices/nobody`)).status).toBe(404);
  });
});

describe("devices.list", () => {
  it("finds by each filter, and by several at once", async () => {
    const below = await givenProduct(app, "l1");
    await register(below, [
      { identity: "gw-1", tags: { site: "berlin", rack: "1" }, installedVersion: "1.0.0" },
      { identity: "gw-2", tags: { site: "berlin" }, installedVersion: "1.0.1" },
      { identity: "GW-3", tags: { site: "bonn" } },
      { identity: "x-1" },
    ]);
    await apply(app, below, ["gw-1", "gw-2"]);
    await updateIn(app, below, "gw-1", "sent");
    await updateIn(app, below, "gw-2", "skipped");
    expect(await identitiesOf(below, "")).toEqual(["GW-3", "gw-1", "gw-2", "x-1"]);
    expect(await identitiesOf(below, "tag.site=berlin")).toEqual(["gw-1", "gw-2"]);
    expect(await identitiesOf(below, "tag.site=berlin&tag.site=bonn")).toEqual(["GW-3", "gw-1", "gw-2"]);
    expect(await identitiesOf(below, "tag.site=berlin&tag.rack=1")).toEqual(["gw-1"]);
    expect(await identitiesOf(below, "updateState=sent")).toEqual(["gw-1"]);
    expect(await identitiesOf(below, "updateState=skipped&updateState=none")).toEqual([
      "GW-3",
      "gw-2",
      "x-1",
    ]);
    expect(await identitiesOf(below, "installedVersion=1.0.1")).toEqual(["gw-2"]);
    expect(await identitiesOf(below, "q=gW-")).toEqual(["GW-3", "gw-1", "gw-2"]);
    expect(await identitiesOf(below, "drifted=true")).toEqual([]);
    expect(await identitiesOf(below, "online=false&q=gw-1")).toEqual(["gw-1"]);
    await report(app, below, "gw-1", { version: "1.0.1", status: "INIT" });
    expect(await identitiesOf(below, "online=true")).toEqual(["gw-1"]);
    expect(await identitiesOf(below, "updateState=started")).toEqual(["gw-1"]);
    const { items } = (await app.call<Page<Device>>("GET", `${below}/devices?q=gw-1`)).body;
    expect(items[0]).toMatchObject({ online: true, updateState: "started", update: { state: "started" } });
    const future = encodeURIComponent(new Date(Date.now() + 60_000).toISOString());
    expect(await identitiesOf(below, `seenBefore=${future}&q=gw-1`)).toEqual(["gw-1"]);
  });

  it.each(["updateState=gone", "drifted=yes", "seenBefore=yesterday", "tag.=x", "tags.a=b", "tag.a%20b=c"])(
    "refuses %s",
    async (query) => {
      expect((await app.call("GET", `/products/default/devices?${query}`)).status).toBe(400);
    },
  );

  it("binds a cursor to its filters and product", async () => {
    const below = await givenProduct(app, "l2", ["a", "b"]);
    const { next } = (await app.call<Page<Device>>("GET", `${below}/devices?limit=1&q=`)).body;
    const codeOf = async (path: string) => (await app.call<Problem>("GET", path)).body.code;
    expect(await codeOf(`${below}/devices?tag.a=b&cursor=${next}`)).toBe("CURSOR_INVALID");
    expect(await codeOf(`/products/default/devices?limit=1&q=&cursor=${next}`)).toBe("CURSOR_INVALID");
  });
});

describe("devices.delete", () => {
  it("ends updates and credentials; all but the history is gone", async () => {
    const below = await givenProduct(app, "d1");
    const { tokens = {} } = (await register(below, [{ identity: "gw-1" }], "?tokens=true")).body;
    await apply(app, below, ["gw-1"]);
    await updateIn(app, below, "gw-1", "sent");
    const path = `${below}/devices/gw-1`;
    expect((await app.call("DELETE", path)).status).toBe(204);
    expect((await app.call("DELETE", path)).status).toBe(404);
    for (const part of ["", "/state", "/update", "/updates", "/packages"]) {
      expect([part, (await app.call("GET", path + part)).status]).toEqual([part, 404]);
    }
    for (const verb of ["cancel", "retry", "token"]) {
      expect([verb, (await app.call("POST", `${path}/${verb}`)).status]).toEqual([verb, 404]);
    }
    expect((await app.call("PATCH", `${path}/state`, { x: "1" })).status).toBe(404);
    expect(await makeDeviceClient(app.deviceUrl ?? "", tokens["gw-1"] ?? "").write({ x: "1" })).toBe(401);
    const lines = (await app.call<Page<{ reason?: string }>>("GET", `${path}/history`)).body.items;
    expect(lines.at(-1)).toMatchObject({ to: "canceled", reason: "DEVICE_DELETED" });
    await app.call("PUT", path, {});
    expect((await app.call<Page<object>>("GET", `${path}/history`)).body.items).toEqual([]);
    expect((await app.call("GET", `${path}/update`)).status).toBe(404);
  });
});

describe("devices.token", () => {
  it("gives a new token that ends the older, and ends it without one", async () => {
    const below = await givenProduct(app, "k1", ["gw-1"]);
    const ask = (body?: unknown) => app.call<{ token?: string }>("POST", `${below}/devices/gw-1/token`, body);
    const write = (token = "") => makeDeviceClient(app.deviceUrl ?? "", token).write({ x: "1" });
    const first = (await ask()).body.token;
    expect(await write(first)).toBe(204);
    const second = (await ask({})).body.token;
    expect([await write(first), await write(second)]).toEqual([401, 204]);
    const revoked = await ask({ revoke: true });
    expect([revoked.status, revoked.body]).toEqual([200, {}]);
    expect(await write(second)).toBe(401);
    expect((await app.call<Device>("GET", `${below}/devices/gw-1`)).body.activated).toBe(false);
    expect((await ask({ revoke: "yes" })).status).toBe(400);
  });
});
