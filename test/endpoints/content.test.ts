import { createHash } from "node:crypto";
import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApp, type TestApp } from "../support/app.ts";

type Item = {
  id: string;
  length: number;
  type: string;
  sha256: string;
  tags: Record<string, string>;
  revision: number;
  valid?: boolean;
  problems?: { path: string; message: string }[];
};
type Problem = { code: string; detail: string; errors?: { path: string }[]; revision?: number };
type Page = { items: Item[]; next: string | null };

const area = "/products/default/content";
const at = (id: string) => `${area}/${encodeURIComponent(id)}`;
const tagged = (tags: object) => `?tags=${encodeURIComponent(JSON.stringify(tags))}`;
const sha256 = (text: string | Uint8Array) => createHash("sha256").update(text).digest("hex");
const info = { config_otau: { version: "1", name: "n", type: "JSON", payload: {} } };

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

const putForm = async (id: string, form: FormData) => {
  const reply = await fetch(`${app.apiUrl}/api/v1${at(id)}`, {
    method: "PUT",
    body: form,
    headers: { authorization: `Bearer ${app.token}` },
  });
  return { status: reply.status, body: (await reply.json()) as Item & Problem };
};

describe("content.put", () => {
  it("stores bytes with type and tags, and answers length and digest", async () => {
    const headers = { "content-type": "application/x-firmware" };
    const made = await app.call<Item>("PUT", at("fw/1.bin") + tagged({ board: "r2" }), "hello", { headers });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      id: "fw/1.bin",
      length: 5,
      type: "application/x-firmware",
      sha256: sha256("hello"),
      tags: { board: "r2" },
      revision: 1,
    });
    expect(made.headers.get("etag")).toBe('"1"');
    expect(made.body).not.toHaveProperty("valid");
    expect((await app.call("GET", at("fw/1.bin"))).body).toEqual(made.body);
  });

  it("changes nothing for the same bytes, type and tags, and replaces for others", async () => {
    const put = (text: string) =>
      app.call<Item>("PUT", at("same.bin"), text, { headers: { "content-type": "a/b" } });
    expect((await put("one")).status).toBe(201);
    const again = await put("one");
    expect([again.status, again.body.revision]).toEqual([200, 1]);
    const other = await put("two");
    expect([other.status, other.body.revision, other.body.sha256]).toEqual([200, 2, sha256("two")]);
  });

  it("takes a form: tags first, then the file", async () => {
    const bytes = new Uint8Array(300_000).map((_, index) => index % 251);
    const form = new FormData();
    form.append("tags", JSON.stringify({ note: "x".repeat(20_000) }));
    form.append("file", new Blob([bytes], { type: "image/x-fw" }), "f.bin");
    const made = await putForm("form.bin", form);
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ length: 300_000, sha256: sha256(bytes), type: "image/x-fw" });
    expect(made.body.tags["note"]).toHaveLength(20_000);
  });

  it("refuses a form whose tags come after the file, and stores nothing", async () => {
    const form = new FormData();
    form.append("file", new Blob(["abc"]), "f.bin");
    form.append("tags", "{}");
    const reply = await putForm("late.bin", form);
    expect([reply.status, reply.body.code]).toEqual([400, "INVALID_INPUT"]);
    expect((await app.call("GET", at("late.bin"))).status).toBe(404);
  });

  it("refuses unknown, doubled and cut parts of a form", async () => {
    const unknown = new FormData();
    unknown.append("tag", "{}");
    expect((await putForm("bad.bin", unknown)).status).toBe(400);
    const doubled = new FormData();
    for (const text of ["{}", "{}"]) doubled.append("tags", text);
    doubled.append("file", new Blob(["x"]), "x");
    expect((await putForm("bad.bin", doubled)).status).toBe(400);
    const type = "multipart/form-data; boundary=b";
    const cut = '--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nabc';
    expect((await app.call("PUT", at("bad.bin"), cut, { headers: { "content-type": type } })).status).toBe(
      400,
    );
    const none = { headers: { "content-type": "multipart/form-data" } };
    expect((await app.call("PUT", at("bad.bin"), "x", none)).status).toBe(400);
    expect((await app.call("GET", at("bad.bin"))).status).toBe(404);
  });

  it.each(["[]", "{", '{"a":1}', '{"a":"b","a":"c"}', '"x"', '{"":"x"}'])(
    "refuses the tags %s",
    async (tags) => {
      const reply = await app.call<Problem>("PUT", `${at("t.bin")}?tags=${encodeURIComponent(tags)}`, "x");
      expect([reply.status, reply.body.code]).toEqual([400, "INVALID_INPUT"]);
      expect(reply.body.errors?.[0]?.path).toMatch(/^tags/);
    },
  );

  it("takes 8 KiB of tags in the query and no more", async () => {
    const room = 8192 - JSON.stringify({ a: "" }).length;
    expect((await app.call("PUT", at("t1.bin") + tagged({ a: "x".repeat(room) }), "x")).status).toBe(201);
    expect((await app.call("PUT", at("t2.bin") + tagged({ a: "x".repeat(room + 1) }), "x")).status).toBe(400);
  });

  it.each(["a//b", "../a", "a/../b", ".hidden", "a b", "x".repeat(201)])("refuses the id %s", async (id) => {
    expect((await app.call("PUT", at(id), "x")).status).toBe(400);
  });

  it("refuses bytes that are not the ones that were announced", async () => {
    const right = await app.call("PUT", `${at("sum.bin")}?sha256=${sha256("abc")}`, "abc");
    expect(right.status).toBe(201);
    const wrong = await app.call<Problem>("PUT", `${at("sum2.bin")}?sha256=${sha256("abc")}`, "abd");
    expect([wrong.status, wrong.body.errors?.[0]?.path]).toEqual([400, "sha256"]);
    expect((await app.call("GET", at("sum2.bin"))).status).toBe(404);
  });

  it("leaves no item when the upload breaks off", async () => {
    const broken = request(`${app.apiUrl}/api/v1${at("broken.bin")}`, {
      method: "PUT",
      headers: { authorization: `Bearer ${app.token}`, "content-length": 1000 },
    });
    const ended = new Promise((resolve) => broken.once("close", resolve));
    broken.on("error", () => undefined);
    broken.write("only this", () => setImmediate(() => broken.destroy()));
    await ended;
    expect((await app.call("GET", at("broken.bin"))).status).toBe(404);
  });

  it("honours If-Match and If-None-Match", async () => {
    const put = (headers: Record<string, string>) =>
      app.call<Problem>("PUT", at("cond.bin"), "x", { headers });
    expect((await put({ "if-match": "*" })).status).toBe(412);
    expect((await put({ "if-none-match": "*" })).status).toBe(201);
    expect((await put({ "if-none-match": "*" })).body.revision).toBe(1);
    expect((await put({ "if-match": '"2"' })).status).toBe(412);
    expect((await put({ "if-match": '"1"' })).status).toBe(200);
  });

  it("says of a package whether its description can be read", async () => {
    const valid = await app.call<Item>(
      "PUT",
      at("package_c.json") + tagged({ otau_info: JSON.stringify(info) }),
    );
    expect(valid.body).toMatchObject({ valid: true, problems: [], length: 0 });
    const encoded = { otau_info: encodeURIComponent(JSON.stringify(info)) };
    expect((await app.call<Item>("PUT", at("package_d.json") + tagged(encoded))).body.valid).toBe(true);
    const invalid = await app.call<Item>("PUT", at("package_e.json") + tagged({ otau_info: "{" }));
    expect([invalid.status, invalid.body.valid, invalid.body.problems?.length]).toEqual([201, false, 1]);
    expect((await app.call<Item>("PUT", at("package_f.json"))).body.valid).toBe(false);
    expect((await app.call<Item>("PUT", at("package_f/inner.json"))).body).not.toHaveProperty("valid");
  });
});

describe("content.data", () => {
  it("gives back the bytes as they came, to be saved and not shown", async () => {
    await app.call("PUT", at("page.html"), "<b>hi</b>", { headers: { "content-type": "text/html" } });
    const reply = await app.call("GET", `${at("page.html")}/data`);
    expect([reply.status, reply.body]).toEqual([200, "<b>hi</b>"]);
    expect(reply.headers.get("content-type")).toBe("text/html");
    expect(reply.headers.get("content-disposition")).toBe("attachment");
    expect(reply.headers.get("content-length")).toBe("9");
    const head = await app.call("HEAD", `${at("page.html")}/data`);
    expect([head.status, head.body, head.headers.get("content-length")]).toEqual([200, "", "9"]);
  });

  it("gives no bytes where there are none, and 404 where there is no item", async () => {
    await app.call("PUT", at("empty.bin"));
    const reply = await app.call("GET", `${at("empty.bin")}/data`);
    expect([reply.status, reply.body]).toEqual([200, ""]);
    expect((await app.call("GET", `${at("nothing.bin")}/data`)).status).toBe(404);
  });
});

describe("content.list", () => {
  it("lists by id below a prefix, each once over its pages", async () => {
    for (const id of ["l/a", "l/b", "l/c", "m/a"]) await app.call("PUT", at(id), id);
    const first = (await app.call<Page>("GET", `${area}?prefix=l/&limit=2`)).body;
    const second = (await app.call<Page>("GET", `${area}?prefix=l/&limit=2&cursor=${first.next}`)).body;
    expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(["l/a", "l/b", "l/c"]);
    expect(second.next).toBeNull();
    const other = await app.call<Problem>("GET", `${area}?prefix=m/&cursor=${first.next}`);
    expect([other.status, other.body.code]).toEqual([400, "CURSOR_INVALID"]);
  });
});

describe("content.delete", () => {
  it("deletes with 204, then the item is gone", async () => {
    await app.call("PUT", at("del.bin"), "x");
    const stale = { headers: { "if-match": '"5"' } };
    expect((await app.call("DELETE", at("del.bin"), undefined, stale)).status).toBe(412);
    expect((await app.call("DELETE", at("del.bin"))).status).toBe(204);
    expect((await app.call("DELETE", at("del.bin"))).status).toBe(404);
    expect((await app.call("GET", at("del.bin"))).status).toBe(404);
  });
});
