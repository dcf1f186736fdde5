import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApp, type TestApp } from "../support/app.ts";
import {
  apply,
  type Deployment,
  eventually,
  givenProduct,
  infoOf,
  type Page,
  type Problem,
  readAll,
  report,
  updateIn,
} from "./support.ts";

type Package = {
  id: string;
  valid: boolean;
  state: string;
  inUse: boolean;
  revision: number;
  otau_info?: unknown;
  problems: { path: string; message: string }[];
};

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

const put = (below: string, id: string, otau_info: unknown, headers: Record<string, string> = {}) =>
  app.call<Package & Problem>("PUT", `${below}/packages/${id}`, { otau_info }, { headers });

describe("packages.put", () => {
  it("registers with 201, changes nothing for the same text, replaces for another", async () => {
    const below = await givenProduct(app, "put");
    const made = await put(below, "package_p.json", infoOf("1"));
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ id: "package_p.json", valid: true, state: "available", inUse: false });
    expect(made.body.otau_info).toEqual(infoOf("1"));
    const same = await put(below, "package_p.json", infoOf("1"));
    expect([same.status, same.body.revision]).toEqual([200, 1]);
    const other = await put(below, "package_p.json", infoOf("2"));
    expect([other.status, other.body.revision, other.headers.get("etag")]).toEqual([200, 2, '"2"']);
  });

  it("keeps the text of config_otau to the letter", async () => {
    const below = await givenProduct(app, "letter", ["gw-1"]);
    const config =
      '{ "payload":{"z":1.50,"a":1e3},  "version":"1",\n"type":"JSON","name":"ü\\u00e4" , "x" : null }';
    const text = `{"otau_info":{"config_otau":${config}}}`;
    const headers = { "content-type": "application/json" };
    const made = await app.call("PUT", `${below}/packages/package_x.json`, text, { headers });
    expect(made.status).toBe(201);
    await apply(app, below, ["gw-1"], {}, "package_x.json");
    await updateIn(app, below, "gw-1", "sent");
    const state = await app.call<{ config_otau: { set: string } }>("GET", `${below}/devices/gw-1/state`);
    expect(state.body.config_otau.set).toBe(config);
  });

  it.each([
    [{ config_otau: { version: "1", name: "n", type: "NOPE", payload: 1 } }, "/otau_info/config_otau/type"],
    [{ config_otau: { name: "n", type: "JSON", payload: {} } }, "/otau_info/config_otau/version"],
    [
      { config_otau: { version: "1", name: "n", type: "FILE", payload: "ftp://x/y" } },
      "/otau_info/config_otau/payload",
    ],
  ])("refuses an invalid description, naming the place: %j", async (info, path) => {
    const reply = await put("/products/default", "package_bad.json", info);
    expect([reply.status, reply.body.code]).toEqual([400, "INVALID_PACKAGE"]);
    expect(reply.body.errors?.map((fault) => fault.path)).toContain(path);
    expect((await app.call("GET", "/products/default/packages/package_bad.json")).status).toBe(404);
  });

  it("refuses doubled keys, unknown fields and a config_otau beyond its limit", async () => {
    const path = "/products/default/packages/package_bad.json";
    const headers = { "content-type": "application/json" };
    const send = (text: string) => app.call<Problem>("PUT", path, text, { headers });
    const doubled =
      '{"otau_info":{"config_otau":{"version":"1","version":"2","name":"n","type":"JSON","payload":{}}}}';
    expect((await send(doubled)).body.code).toBe("INVALID_PACKAGE");
    expect((await send('{"otau_info":{"config_otau":{}},"extra":1}')).body.code).toBe("INVALID_INPUT");
    const long = {
      config_otau: { version: "1", name: "n", type: "JSON", payload: { x: "y".repeat(65_536) } },
    };
    expect((await put("/products/default", "package_bad.json", long)).body.code).toBe("INVALID_PACKAGE");
    expect((await send("x".repeat(1_048_577))).status).toBe(413);
    expect((await app.call("PUT", path, "{}", { headers: { "content-type": "text/plain" } })).status).toBe(
      415,
    );
  });

  it.each(["firmware.bin", "package_a%2Fb.json", "Package_a.json"])("refuses the id %s", async (id) => {
    expect((await put("/products/default", id, infoOf("1"))).status).toBe(400);
  });

  it("refuses to change or delete a package that updates refer to", async () => {
    const below = await givenProduct(app, "inuse", ["gw-1"]);
    await apply(app, below, ["gw-1"]);
    const path = `${below}/packages/package_a.json`;
    expect((await app.call<Package>("GET", path)).body.inUse).toBe(true);
    expect((await put(below, "package_a.json", infoOf("1.0.1"))).status).toBe(200);
    expect((await put(below, "package_a.json", infoOf("9"))).body.code).toBe("PACKAGE_IN_USE");
    expect((await app.call<Problem>("DELETE", path)).body.code).toBe("PACKAGE_IN_USE");
    const door = await app.call<Problem>("PUT", `${below}/content/package_a.json`, "bytes");
    expect([door.status, door.body.code]).toEqual([409, "PACKAGE_IN_USE"]);
    expect((await app.call("DELETE", `${below}/content/package_a.json`)).status).toBe(409);
    await app.call("POST", `${below}/devices/gw-1/cancel`);
    await eventually(
      async () => (await app.call<Package>("GET", path)).body.inUse,
      (inUse) => !inUse,
    );
    expect((await app.call("DELETE", path)).status).toBe(204);
    expect((await app.call("GET", path)).status).toBe(404);
    const { items } = (
      await app.call<Page<Deployment & { otau_info: unknown }>>("GET", `${below}/deployments`)
    ).body;
    expect(items[0]?.otau_info).toEqual(infoOf("1.0.1"));
  });

  it("honours preconditions", async () => {
    const below = "/products/default";
    expect((await put(below, "package_c.json", infoOf("1"), { "if-match": '"1"' })).status).toBe(412);
    expect((await put(below, "package_c.json", infoOf("1"), { "if-none-match": "*" })).status).toBe(201);
    const again = await put(below, "package_c.json", infoOf("2"), { "if-none-match": "*" });
    expect([again.status, again.body.revision]).toEqual([412, 1]);
    const stale = { headers: { "if-match": '"7"' } };
    expect((await app.call("DELETE", `${below}/packages/package_c.json`, undefined, stale)).status).toBe(412);
  });
});

describe("packages.get", () => {
  it("does not take a content item for a package", async () => {
    await app.call("PUT", "/products/default/content/firmware.bin", "x");
    expect((await app.call("GET", "/products/default/packages/firmware.bin")).status).toBe(404);
    expect((await app.call("DELETE", "/products/default/packages/firmware.bin")).status).toBe(404);
    expect((await app.call("GET", "/products/default/content/firmware.bin")).status).toBe(200);
  });

  it("shows an uploaded package without a readable tag as invalid", async () => {
    await app.call("PUT", "/products/default/content/package_untagged.json");
    const { body } = await app.call<Package>("GET", "/products/default/packages/package_untagged.json");
    expect([body.valid, body.problems.length]).toEqual([false, 1]);
    const applied = await app.call<Problem>(
      "POST",
      "/products/default/packages/package_untagged.json/apply",
      { target: { all: true } },
    );
    expect([applied.status, applied.body.code]).toEqual([409, "PACKAGE_INVALID"]);
  });
});

describe("packages.list", () => {
  it("lists newest first and finds by each filter", async () => {
    const below = await givenProduct(app, "list");
    await put(below, "package_b.json", { ...infoOf("2.0.0"), vendor: "other" });
    await app.call("PUT", `${below}/content/package_c.json`);
    await app.call("PUT", `${below}/content/firmware.bin`, "x");
    const ids = async (query: string) =>
      (await app.call<Page<Package>>("GET", `${below}/packages?${query}`)).body.items.map(({ id }) => id);
    expect(await ids("")).toEqual(["package_c.json", "package_b.json", "package_a.json"]);
    expect(await ids("vendor=acme")).toEqual(["package_a.json"]);
    expect(await ids("vendor=acme&vendor=other")).toEqual(["package_b.json", "package_a.json"]);
    expect(await ids("vendor=acme&version=2.0.0")).toEqual([]);
    expect(await ids("product=iotgw1")).toHaveLength(2);
    expect(await ids("type=JSON&version=2.0.0")).toEqual(["package_b.json"]);
    expect(await ids("q=GATEWAY%202")).toEqual(["package_b.json"]);
    expect(await ids("q=age_c")).toEqual(["package_c.json"]);
    expect(await ids("state=withdrawn")).toEqual([]);
    const all = await readAll<Package>(app, `${below}/packages`, 1);
    expect(all.map(({ id }) => id)).toEqual(["package_c.json", "package_b.json", "package_a.json"]);
    expect((await app.call("GET", `${below}/packages?state=gone`)).status).toBe(400);
    expect((await app.call("GET", `${below}/packages?q=a&q=b`)).status).toBe(400);
  });
});

describe("packages.withdraw and packages.restore", () => {
  it("block applies and let them through again", async () => {
    const below = await givenProduct(app, "wd", ["gw-1"]);
    const path = `${below}/packages/package_a.json`;
    const withdrawn = await app.call<Package>("POST", `${path}/withdraw`, { reason: "drains", stop: false });
    expect([withdrawn.status, withdrawn.body.state]).toEqual([200, "withdrawn"]);
    const refused = await app.call<Problem>("POST", `${path}/apply`, { devices: ["gw-1"] });
    expect([refused.status, refused.body.code]).toEqual([409, "PACKAGE_WITHDRAWN"]);
    expect((await app.call<Page<Package>>("GET", `${below}/devices/gw-1/packages`)).body.items).toEqual([]);
    expect((await app.call<Package>("POST", `${path}/restore`)).body.state).toBe("available");
    await apply(app, below, ["gw-1"]);
  });

  it("end what devices have not begun with stop, and leave the rest", async () => {
    const below = await givenProduct(app, "stop", ["gw-1", "gw-2"]);
    const { id } = await apply(app, below, ["gw-1", "gw-2"]);
    await updateIn(app, below, "gw-1", "sent");
    await updateIn(app, below, "gw-2", "sent");
    await report(app, below, "gw-2", { version: "1.0.1", status: "DOWNLOAD" });
    await app.call("POST", `${below}/packages/package_a.json/withdraw`, { reason: "bad", stop: true });
    expect(await updateIn(app, below, "gw-1", "canceled")).toMatchObject({ reason: "WITHDRAWN" });
    expect(await updateIn(app, below, "gw-2", "downloading")).toMatchObject({ deploymentId: id });
  });

  it("want a reason, and a package", async () => {
    const path = "/products/default/packages";
    expect((await app.call("POST", `${path}/package_none.json/withdraw`, { reason: "x" })).status).toBe(404);
    expect((await app.call("POST", `${path}/package_none.json/restore`)).status).toBe(404);
    expect((await app.call("POST", `${path}/package_none.json/withdraw`, { stop: true })).status).toBe(400);
    expect((await app.call("POST", `${path}/package_none.json/withdraw`)).status).toBe(400);
  });
});
