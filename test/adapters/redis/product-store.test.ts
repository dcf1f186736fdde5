import { describe, expect, it } from "vitest";
import { operator, packageItem, useBench } from "./product-support.ts";

const bench = useBench();

describe("products", () => {
  it("hold `default` from the first look on, and it cannot be deleted", async () => {
    const { products } = bench();
    expect(await products.get("default")).toMatchObject({ id: "default", settings: {}, revision: 1 });
    expect(await products.ids()).toEqual(["default"]);
    await expect(products.remove("default", {})).rejects.toMatchObject({ code: "PRODUCT_NOT_EMPTY" });
    expect((await products.put("default", { name: "Gateways" }, {})).created).toBe(false);
    expect(await products.get("default")).toMatchObject({ settings: { name: "Gateways" }, revision: 2 });
  });

  it("are created, replaced whole and deleted", async () => {
    const { products } = bench();
    const { record, created } = await products.put("acme", { name: "A", retry: { maxAttempts: 1 } }, {});
    expect(created).toBe(true);
    expect(record).toMatchObject({ id: "acme", revision: 1 });
    const replaced = await products.put("acme", { name: "B" }, {});
    expect(replaced).toMatchObject({ created: false, record: { revision: 2, createdAt: record.createdAt } });
    expect(await products.get("acme")).toEqual(replaced.record);
    expect(await products.remove("acme", {})).toBe(true);
    expect(await products.remove("acme", {})).toBe(false);
    expect(await products.get("acme")).toBeUndefined();
    expect(await products.ids()).toEqual(["default"]);
    expect((await products.put("acme", {}, {})).record.revision).toBe(3);
  });

  it("obey If-Match and If-None-Match", async () => {
    const { products } = bench();
    const racers = await Promise.allSettled(
      ["a", "b"].map((name) => products.put("x", { name }, { ifNoneMatch: true })),
    );
    expect(racers.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    await expect(products.put("x", {}, { ifMatch: 7 })).rejects.toMatchObject({
      code: "REVISION_MISMATCH",
      extras: { revision: 1 },
    });
    await expect(products.put("y", {}, { ifMatch: 1 })).rejects.toMatchObject({ code: "REVISION_MISMATCH" });
    await expect(products.remove("x", { ifMatch: 2 })).rejects.toMatchObject({ code: "REVISION_MISMATCH" });
    await expect(products.put("default", {}, { ifNoneMatch: true })).rejects.toMatchObject({
      code: "REVISION_MISMATCH",
    });
    expect(await products.remove("x", { ifMatch: 1 })).toBe(true);
  });

  it("with content are not deleted", async () => {
    const { products, content } = bench();
    await products.put("acme", {}, {});
    await content.put("acme", packageItem("package_a"), {}, operator);
    await expect(products.remove("acme", {})).rejects.toMatchObject({ code: "PRODUCT_NOT_EMPTY" });
    await content.remove("acme", "package_a", {}, operator);
    expect(await products.remove("acme", {})).toBe(true);
  });

  it("are listed by id to the end, deleted ones left out", async () => {
    const { products } = bench();
    for (const id of ["c", "a", "b", "d", "e"]) await products.put(id, {}, {});
    await products.remove("b", {});
    const ids: string[] = [];
    let after: string | undefined;
    do {
      const page = await products.list({ limit: 2, ...(after === undefined ? {} : { after }) });
      ids.push(...page.items.map(({ id }) => id));
      after = page.next;
    } while (after !== undefined);
    expect(ids).toEqual(["a", "c", "d", "default", "e"]);
  });
});
