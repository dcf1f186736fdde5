import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApp, type TestApp } from "../support/app.ts";

type Problem = { code: string; errors?: { path: string }[]; revision?: number };
type Product = { id: string; name?: string; revision: number };

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

describe("products.put", () => {
  it("makes a product with 201 and replaces its settings with 200", async () => {
    const made = await app.call<Product>("PUT", "/products/p1", { name: "One", confirm: "optional" });
    expect([made.status, made.body.name, made.headers.get("etag")]).toEqual([201, "One", '"1"']);
    const replaced = await app.call<Product>("PUT", "/products/p1", { retry: { maxAttempts: 1 } });
    expect(replaced.status).toBe(200);
    expect(replaced.body).toEqual({
      ...made.body,
      name: undefined,
      confirm: undefined,
      retry: { maxAttempts: 1 },
      revision: 2,
    });
    expect((await app.call("GET", "/products/p1")).body).toEqual(replaced.body);
  });

  it("refuses unknown fields, naming them, and changes nothing", async () => {
    const reply = await app.call<Problem>("PUT", "/products/p2", { nmae: "x", limits: { foo: 1 } });
    expect([reply.status, reply.body.code]).toEqual([400, "INVALID_INPUT"]);
    expect(reply.body.errors?.map(({ path }) => path).sort()).toEqual(["/limits/foo", "/nmae"]);
    expect((await app.call("GET", "/products/p2")).status).toBe(404);
  });

  it.each(["a b", "x".repeat(65), "ä"])("refuses the id %s", async (id) => {
    expect((await app.call("PUT", `/products/${encodeURIComponent(id)}`, {})).status).toBe(400);
  });

  it("honours If-Match and If-None-Match", async () => {
    const put = (headers: Record<string, string>) =>
      app.call<Problem>("PUT", "/products/p3", {}, { headers });
    expect((await put({ "if-match": "*" })).status).toBe(412);
    expect((await put({ "if-match": '"1"' })).status).toBe(412);
    expect((await put({ "if-none-match": "*" })).status).toBe(201);
    const again = await put({ "if-none-match": "*" });
    expect([again.status, again.body.code, again.body.revision]).toEqual([412, "REVISION_MISMATCH", 1]);
    expect((await put({ "if-match": '"1"' })).status).toBe(200);
    expect((await put({ "if-match": "*" })).status).toBe(200);
    expect((await put({ "if-match": '"1"' })).body.revision).toBe(3);
  });
});

describe("products.get", () => {
  it("answers 304 to the revision it has", async () => {
    const { headers } = await app.call("GET", "/products/default");
    const etag = headers.get("etag") ?? "";
    const again = await app.call("GET", "/products/default", undefined, {
      headers: { "if-none-match": etag },
    });
    expect(again.status).toBe(304);
  });
});

describe("products.list", () => {
  it("lists all by id, in pages bound to nothing but their place", async () => {
    for (const id of ["la", "lb", "lc"]) await app.call("PUT", `/products/${id}`, {});
    const ids: string[] = [];
    let cursor: string | null = "";
    do {
      const from: string = cursor === "" ? "" : `&cursor=${cursor}`;
      const page: { items: Product[]; next: string | null } = (
        await app.call<{ items: Product[]; next: string | null }>("GET", `/products?limit=2${from}`)
      ).body;
      expect(page.items.length).toBeLessThanOrEqual(2);
      ids.push(...page.items.map(({ id }) => id));
      cursor = page.next;
    } while (cursor !== null);
    expect(ids).toEqual([...new Set(ids)].sort());
    expect(ids).toEqual(expect.arrayContaining(["default", "la", "lb", "lc"]));
  });

  it("shows a token its own products alone", async () => {
    const body = { name: "v", role: "viewer", products: ["lb", "la", "no-such"] };
    const { token } = (await app.call<{ token: string }>("POST", "/tokens", body)).body;
    const list = (query: string) =>
      app.call<{ items: Product[]; next: string | null }>("GET", `/products${query}`, undefined, { token });
    const first = (await list("?limit=1")).body;
    const second = (await list(`?limit=1&cursor=${first.next}`)).body;
    expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(["la", "lb"]);
    expect(second.next).toBeNull();
  });

  it.each(["limit=0", "limit=501", "limit=x", "limit=1&limit=2", "foo=1", "cursor="])(
    "refuses %s",
    async (query) => {
      expect((await app.call("GET", `/products?${query}`)).status).toBe(400);
    },
  );

  it("refuses a cursor that is none of its own", async () => {
    const reply = await app.call<Problem>("GET", "/products?cursor=abc");
    expect([reply.status, reply.body.code]).toEqual([400, "CURSOR_INVALID"]);
  });
});

describe("products.delete", () => {
  it("deletes an empty product with 204, then it is gone", async () => {
    await app.call("PUT", "/products/gone", {});
    expect(
      (await app.call("DELETE", "/products/gone", undefined, { headers: { "if-match": '"9"' } })).status,
    ).toBe(412);
    expect((await app.call("DELETE", "/products/gone")).status).toBe(204);
    expect((await app.call("DELETE", "/products/gone")).status).toBe(404);
    expect((await app.call("GET", "/products/gone")).status).toBe(404);
  });

  it("refuses while there are devices or content, and always for the default product", async () => {
    await app.call("PUT", "/products/full", {});
    await app.call("PUT", "/products/full/devices/gw-1", {});
    const refused = async (id: string) => (await app.call<Problem>("DELETE", `/products/${id}`)).body.code;
    expect(await refused("full")).toBe("PRODUCT_NOT_EMPTY");
    await app.call("DELETE", "/products/full/devices/gw-1");
    await app.call("PUT", "/products/full/content/a.bin", "x");
    expect(await refused("full")).toBe("PRODUCT_NOT_EMPTY");
    await app.call("DELETE", "/products/full/content/a.bin");
    expect((await app.call("DELETE", "/products/full")).status).toBe(204);
    expect(await refused("default")).toBe("PRODUCT_NOT_EMPTY");
  });
});
