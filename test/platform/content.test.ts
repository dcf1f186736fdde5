import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { failureOf, useServices } from "./support.ts";

const bench = useServices();

const info = (version: string) =>
  JSON.stringify({ config_otau: { version, name: "N", type: "FILE", payload: "https://example.test/a" } });

describe("Content", () => {
  it("stores bytes with tags, shows, lists and deletes them", async () => {
    const { Content } = bench();
    const uploaded = await Content.upload({
      id: "docs/one.txt",
      body: "hello",
      type: "text/plain",
      tags: { kind: "note", ["__proto__"]: "kept" },
    });
    const item = {
      id: "docs/one.txt",
      length: 5,
      type: "text/plain",
      last_modified: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    };
    expect(uploaded).toMatchObject(item);
    expect(await Content.info({ id: "docs/one.txt" })).toEqual(uploaded);
    expect(uploaded.error === undefined && Object.entries(uploaded.tags)).toEqual([
      ["__proto__", "kept"],
      ["kind", "note"],
    ]);
    expect(await Content.list({ prefix: "docs/" })).toEqual([uploaded]);
    expect(await Content.delete({ id: "docs/one.txt" })).toEqual({ id: "docs/one.txt" });
    expect(failureOf(await Content.info({ id: "docs/one.txt" }))).toMatchObject({
      status: 404,
      type: "QueryError",
      said: { type: "NOT_FOUND", message: "There is no content item docs/one.txt in product default." },
    });
  });

  it("takes bytes in every form, and none", async () => {
    const { Content } = bench();
    const forms = ["abc", Buffer.from("abc"), new Uint8Array([97, 98, 99]), Readable.from(["a", "bc"])];
    for (const [at, body] of forms.entries()) {
      expect(await Content.upload({ id: `form${at}`, body })).toMatchObject({ length: 3 });
    }
    expect(await Content.upload({ id: "empty", body: "" })).toMatchObject({ length: 0 });
  });

  it("goes through a long list in parts", async () => {
    const { Content } = bench();
    for (const at of [1, 2, 3]) await Content.upload({ id: `long/${at}`, body: "" });
    const first = await Content.list({ prefix: "long/", limit: 2 });
    expect(first).toMatchObject([{ id: "long/1" }, { id: "long/2" }]);
    expect(await Content.list({ prefix: "long/", after: "long/2" })).toMatchObject([{ id: "long/3" }]);
  });

  it("hands out a link that runs out", async () => {
    const { Content } = bench();
    await Content.upload({ id: "linked", body: "x" });
    expect(await Content.download({ id: "linked", expires_in: 60 })).toEqual({
      id: "linked",
      url: "https://example.test/default/linked?for=60000",
      method: "GET",
    });
    expect(failureOf(await Content.download({ id: "nothing" })).status).toBe(404);
  });

  it("refuses what cannot be an item", async () => {
    const { Content } = bench();
    const wrong: unknown[] = [
      undefined,
      { id: "a/../b", body: "" },
      { id: "a" },
      { id: "a", body: "", tags: { n: 1 } },
      { id: "a", body: "", tags: { big: "x".repeat(9000) } },
      { id: "a", body: "abc", sha256: "0".repeat(64) },
    ];
    for (const call of wrong) {
      expect(failureOf(await Content.upload(call as never)), JSON.stringify(call)).toMatchObject({
        status: 400,
        said: { type: "INVALID_INPUT" },
      });
    }
    expect(failureOf(await Content.forProduct("nothing").upload({ id: "a", body: "" })).status).toBe(404);
    expect(failureOf(await Content.forProduct("nothing").list()).status).toBe(404);
    expect(failureOf(await Content.delete({ id: "nothing" })).status).toBe(404);
  });

  it("keeps the rules of packages: one in use is neither changed nor deleted", async () => {
    const { Content, Device2, app } = bench();
    const upload = (version: string) =>
      Content.upload({ id: "package_used", tags: { otau_info: info(version) } });
    expect((await upload("1.0.0")).error).toBeUndefined();
    await Device2.addIdentity({ identity: "user" });
    const applied = await app.call("POST", "/products/default/packages/package_used/apply", {
      devices: ["user"],
    });
    expect(applied.status).toBe(202);
    expect((await upload("1.0.0")).error).toBeUndefined();
    const inUse = { status: 409, type: "QueryError", said: { type: "PACKAGE_IN_USE" } };
    expect(failureOf(await upload("1.0.1"))).toMatchObject(inUse);
    expect(failureOf(await Content.delete({ id: "package_used" }))).toMatchObject(inUse);
    const cleared = failureOf(await Content.clear());
    expect(cleared).toMatchObject(inUse);
    expect(cleared.said.message).toContain("package_used");
    expect(await Content.list()).toMatchObject([{ id: "package_used" }]);
  });

  it("clears everything that is not in use", async () => {
    const Content = bench().Content.forProduct("cleared");
    await bench().app.call("PUT", "/products/cleared", {});
    for (const id of ["a", "package_b"]) await Content.upload({ id, body: "" });
    expect(await Content.clear()).toEqual([{ id: "a" }, { id: "package_b" }]);
    expect(await Content.list()).toEqual([]);
  });
});
