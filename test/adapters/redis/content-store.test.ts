import { describe, expect, it } from "vitest";
import type { ContentBody } from "../../../modules/adapters/redis/content-text.ts";
import { acceptOne, operator, outboxEvents, packageItem, useBench } from "./product-support.ts";

const bench = useBench();
const put = (item: ContentBody & { id: string }, precondition = {}) =>
  bench().content.put("default", item, precondition, operator);

describe("content", () => {
  it("is created, found and hidden again", async () => {
    const { content } = bench();
    const item = { ...packageItem("manuals/a.pdf"), tags: { b: "2", a: "é😀" } };
    const { record, outcome } = await put(item);
    expect(outcome).toBe("created");
    expect(record).toMatchObject({ ...item, productId: "default", revision: 1, seq: 1 });
    expect(await content.get("default", item.id)).toEqual(record);
    expect(await content.isEmpty("default")).toBe(false);
    expect(await content.remove("default", item.id, {}, operator)).toBe(true);
    expect(await content.remove("default", item.id, {}, operator)).toBe(false);
    expect(await content.get("default", item.id)).toBeUndefined();
    expect(await content.isEmpty("default")).toBe(true);
  });

  it("stays as it is when the same comes again, whatever the order of its tags", async () => {
    const item = packageItem("package_a");
    const first = await put({ ...item, tags: { a: "1", b: "2" } });
    await bench().clock.advance(1000);
    const again = await put({ ...item, tags: { b: "2", a: "1" } });
    expect(again).toEqual({ record: first.record, outcome: "unchanged" });
  });

  it("is replaced with the next revision, its order of creation kept", async () => {
    const first = await put(packageItem("package_a"));
    await bench().clock.advance(1000);
    const second = await put(packageItem("package_a", "2.0.0"));
    expect(second.outcome).toBe("replaced");
    expect(second.record).toMatchObject({ revision: 2, seq: 1, createdAt: first.record.createdAt });
    expect(second.record.lastModified).toBeGreaterThanOrEqual(first.record.lastModified + 1000);
  });

  it("obeys If-Match and If-None-Match in the same moment as it writes", async () => {
    const { content } = bench();
    await expect(put(packageItem("package_a"), { ifMatch: 1 })).rejects.toMatchObject({
      code: "REVISION_MISMATCH",
    });
    await put(packageItem("package_a"), { ifNoneMatch: true });
    await expect(put(packageItem("package_a"), { ifNoneMatch: true })).rejects.toMatchObject({
      code: "REVISION_MISMATCH",
      extras: { revision: 1 },
    });
    const racers = await Promise.allSettled(
      ["2", "3", "4"].map((version) => put(packageItem("package_a", version), { ifMatch: 1 })),
    );
    expect(racers.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    await expect(content.remove("default", "package_a", { ifMatch: 1 }, operator)).rejects.toMatchObject({
      extras: { revision: 2 },
    });
    expect(await content.remove("default", "package_a", { ifMatch: 2 }, operator)).toBe(true);
  });

  it("never has an old revision again after it was deleted", async () => {
    await put(packageItem("package_a"));
    await bench().content.remove("default", "package_a", {}, operator);
    const { record, outcome } = await put(packageItem("package_a"));
    expect(outcome).toBe("created");
    expect(record).toMatchObject({ revision: 3, seq: 2 });
  });

  it("is refused in a product that is not there", async () => {
    await expect(
      bench().content.put("nowhere", packageItem("package_a"), {}, operator),
    ).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("is listed by id below a prefix, page by page", async () => {
    for (const id of ["a/1", "a/2", "a/3", "b/1"]) await put(packageItem(id));
    const first = await bench().content.list("default", { prefix: "a/", limit: 2 });
    expect(first.items.map(({ id }) => id)).toEqual(["a/1", "a/2"]);
    const second = await bench().content.list("default", { prefix: "a/", after: "a/2", limit: 2 });
    expect(second).toMatchObject({ items: [{ id: "a/3" }] });
    expect(second.next).toBeUndefined();
    expect((await bench().content.list("default", { limit: 10 })).items).toHaveLength(4);
  });

  it("lists packages newest first and nothing else", async () => {
    for (const id of ["package_a", "other", "package_b", "package_x/y", "package_c"])
      await put(packageItem(id));
    await put(packageItem("package_a", "2.0.0"));
    const first = await bench().content.listPackages("default", { limit: 2 });
    expect(first.items.map(({ id }) => id)).toEqual(["package_c", "package_b"]);
    const rest = await bench().content.listPackages("default", { limit: 2, before: first.next as number });
    expect(rest.items.map(({ id }) => id)).toEqual(["package_a"]);
  });

  it("leaves a journal line for each change of a package, and none for what changed nothing", async () => {
    await put(packageItem("package_a"));
    await put(packageItem("package_a"));
    await put(packageItem("other"));
    await bench().content.setWithdrawn("default", "package_a", { reason: "bad" }, operator);
    await bench().content.setWithdrawn("default", "package_a", { reason: "bad" }, operator);
    await bench().content.remove("default", "package_a", {}, operator);
    const acts = (await outboxEvents(bench())).map(({ type, to, packageId }) => ({ type, to, packageId }));
    const line = (to: string) => ({ type: "package.changed", to, packageId: "package_a" });
    expect(acts).toEqual([line("available"), line("withdrawn"), line("deleted")]);
  });
});

describe("a package with open deployments", () => {
  it("can be put again as it is, but not changed or deleted", async () => {
    const { content } = bench();
    await acceptOne(bench(), "d1");
    expect((await put(packageItem("package_a"))).outcome).toBe("unchanged");
    await expect(put(packageItem("package_a", "2.0.0"))).rejects.toMatchObject({ code: "PACKAGE_IN_USE" });
    await expect(content.remove("default", "package_a", {}, operator)).rejects.toMatchObject({
      code: "PACKAGE_IN_USE",
    });
    expect(await content.openDeployments("default", "package_a")).toEqual(["d1"]);
    await put(packageItem("package_b"));
    const inUse = await content.packagesInUse("default", ["package_b", "package_a", "package_x"]);
    expect([...inUse]).toEqual(["package_a"]);
  });

  it("is free again once they have ended", async () => {
    const record = await acceptOne(bench(), "d1");
    await bench().deployments.update(
      record,
      { state: "finished", endedAt: 1 },
      { fenced: false, actor: operator },
    );
    expect((await put(packageItem("package_a", "2.0.0"))).outcome).toBe("replaced");
  });

  it("has their generations raised when it is withdrawn, and answers them again to one who asks again", async () => {
    const { content, deployments } = bench();
    for (const id of ["d1", "d2"]) await acceptOne(bench(), id);
    const withdrawn = await content.setWithdrawn("default", "package_a", { reason: "bricks" }, operator);
    expect(withdrawn?.record).toMatchObject({ revision: 2, withdrawn: { reason: "bricks" } });
    const raised = [
      { deploymentId: "d1", generation: 2 },
      { deploymentId: "d2", generation: 2 },
    ];
    expect(withdrawn?.fenced).toEqual(expect.arrayContaining(raised));
    expect(await deployments.refresh("default", "d1")).toMatchObject({
      withdrawn: true,
      generation: 2,
      revision: 2,
    });
    const again = await content.setWithdrawn("default", "package_a", { reason: "bricks" }, operator);
    expect(again?.record.revision).toBe(2);
    expect(again?.fenced).toEqual(expect.arrayContaining(raised));
    const restored = await content.setWithdrawn("default", "package_a", undefined, operator);
    expect(restored?.record.withdrawn).toBeUndefined();
    expect(await deployments.refresh("default", "d1")).toMatchObject({ withdrawn: false, generation: 3 });
  });

  it("shows as withdrawn to deployments that ended before", async () => {
    const { content, deployments } = bench();
    const record = await acceptOne(bench(), "d1");
    await deployments.update(record, { state: "finished", endedAt: 1 }, { fenced: false, actor: operator });
    const withdrawn = await content.setWithdrawn("default", "package_a", { reason: "bad" }, operator);
    expect(withdrawn?.fenced).toEqual([]);
    expect(await deployments.refresh("default", "d1")).toMatchObject({ withdrawn: true });
  });

  it("that does not exist is not withdrawn", async () => {
    expect(
      await bench().content.setWithdrawn("default", "package_x", { reason: "" }, operator),
    ).toBeUndefined();
  });
});

it("writes nothing when one of its keys holds another type", async () => {
  const { redis, content } = bench();
  await redis.client.set("otau:{p:default}:packages", "spoilt");
  await expect(put(packageItem("package_a"))).rejects.toThrow(/WRONGTYPE/);
  expect(await redis.client.keys("*")).toEqual(["otau:{p:default}:packages"]);
  expect(await content.get("default", "package_a")).toBeUndefined();
});
