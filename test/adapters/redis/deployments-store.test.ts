import { describe, expect, it, vi } from "vitest";
import { makeIdempotencyStore } from "../../../modules/adapters/redis/idempotency-store.ts";
import { acceptOne, draftOf, operator, outboxEvents, packageItem, useBench } from "./product-support.ts";

const bench = useBench();
const unfenced = { fenced: false, actor: operator };
const fenced = { fenced: true, actor: operator };

describe("accepting a deployment", () => {
  it("stores it with its place in all lists and one journal line", async () => {
    const record = await acceptOne(bench(), "d1");
    expect(record).toEqual({ ...draftOf("d1"), seq: 1, revision: 1, generation: 1, withdrawn: false });
    const { deployments, content } = bench();
    const other = bench().otherDeployments();
    expect(await other.get("default", "d1")).toEqual(record);
    expect(await deployments.open("default")).toEqual(["d1"]);
    expect(await deployments.prepared("default", 0)).toEqual([]);
    expect(await content.openDeployments("default", "package_a")).toEqual(["d1"]);
    const events = await outboxEvents(bench());
    expect(events.at(-1)).toMatchObject({ type: "deployment.changed", deploymentId: "d1", to: "running" });
  });

  it("answers the stored record when it is repeated, and counts nothing twice", async () => {
    const { deployments } = bench();
    const record = await acceptOne(bench(), "d1");
    await deployments.update(record, { state: "paused" }, fenced);
    const again = await deployments.accept(draftOf("d1"), undefined, operator);
    expect(again).toMatchObject({ seq: 1, state: "paused", revision: 2 });
    expect((await acceptOne(bench(), "d2")).seq).toBe(2);
    expect(await outboxEvents(bench())).toHaveLength(4);
  });

  it("gives rising numbers to any number at once, each with an answer that shows its own", async () => {
    const { content, deployments, redis, clock } = bench();
    await content.put("default", packageItem("package_a"), {}, operator);
    const ids = Array.from({ length: 20 }, (_, at) => `d${at}`);
    const idempotency = makeIdempotencyStore({ redis: redis.client, clock });
    const accepted = await Promise.all(
      ids.map(async (id) => {
        await deployments.prepare("default", id);
        const answer = { record: id, digest: "x", reply: ({ seq }: { seq: number }) => `seq ${seq}` };
        return deployments.accept(draftOf(id), answer, operator);
      }),
    );
    const seqs = accepted.map(({ seq }) => seq).sort((a, b) => a - b);
    expect(seqs).toEqual(ids.map((_, at) => at + 1));
    for (const { id, seq } of accepted) {
      expect(await idempotency.begin("default", id, "x", "fresh")).toEqual({
        outcome: "replay",
        reply: `seq ${seq}`,
      });
    }
  });

  it("is refused when the package was replaced, withdrawn or deleted since it was read", async () => {
    const { content, deployments } = bench();
    await content.put("default", packageItem("package_a"), {}, operator);
    const attempt = async (id: string) => {
      await deployments.prepare("default", id);
      return deployments.accept(draftOf(id), undefined, operator);
    };
    await content.put("default", packageItem("package_a", "2.0.0"), {}, operator);
    await expect(attempt("d1")).rejects.toMatchObject({ code: "REVISION_MISMATCH" });
    await content.setWithdrawn("default", "package_a", { reason: "bad" }, operator);
    await expect(attempt("d2")).rejects.toMatchObject({ code: "PACKAGE_WITHDRAWN" });
    await content.remove("default", "package_a", {}, operator);
    await expect(attempt("d3")).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(await deployments.open("default")).toEqual([]);
    expect(await deployments.get("default", "d1")).toBeUndefined();
  });

  it("and replacing its package never both succeed", async () => {
    const { content, deployments } = bench();
    for (let round = 1; round <= 20; round++) {
      const packageId = `package_${round}`;
      const draft = draftOf(`d${round}`, { packageId });
      await content.put("default", packageItem(packageId), {}, operator);
      await deployments.prepare("default", draft.id);
      const both = await Promise.allSettled([
        deployments.accept(draft, undefined, operator),
        content.put("default", packageItem(packageId, "2.0.0"), {}, operator),
      ]);
      expect(both.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    }
  });

  it("needs no package and no preparation where the value was set directly", async () => {
    const { deployments } = bench();
    const record = await deployments.accept(
      draftOf("d1", { source: "device2", packageId: "none" }),
      undefined,
      operator,
    );
    expect(record).toMatchObject({ seq: 1, withdrawn: false });
  });

  it("is refused once upkeep has condemned its preparation", async () => {
    const { deployments, content, clock } = bench();
    await content.put("default", packageItem("package_a"), {}, operator);
    await deployments.prepare("default", "slow");
    expect(await deployments.prepared("default", 60_000)).toEqual([]);
    await clock.advance(60_001);
    await deployments.prepare("default", "quick");
    expect(await deployments.prepared("default", 60_000)).toEqual(["slow"]);
    await expect(deployments.accept(draftOf("slow"), undefined, operator)).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
    });
    // Upkeep that died before it dropped the members finds it again.
    expect(await deployments.prepared("default", 60_000)).toEqual(["slow"]);
    await deployments.dropPrepared("default", "slow");
    expect(await deployments.prepared("default", 60_000)).toEqual([]);
    expect((await deployments.accept(draftOf("quick"), undefined, operator)).seq).toBe(1);
  });

  it("leaves nothing behind when one of its keys holds another type", async () => {
    const { redis, content, deployments } = bench();
    await content.put("default", packageItem("package_a"), {}, operator);
    await deployments.prepare("default", "d1");
    await redis.client.set("otau:{p:default}:deps:open", "spoilt");
    const before = await redis.client.dbsize();
    await expect(deployments.accept(draftOf("d1"), undefined, operator)).rejects.toThrow(/WRONGTYPE/);
    expect(await redis.client.dbsize()).toBe(before);
    expect(await deployments.get("default", "d1")).toBeUndefined();
  });
});

describe("changing a deployment", () => {
  it("raises revision and, where asked, generation, and moves it between the lists", async () => {
    const { deployments } = bench();
    const record = await acceptOne(bench(), "d1");
    const paused = await deployments.update(record, { state: "paused" }, fenced);
    expect(paused).toMatchObject({ state: "paused", revision: 2, generation: 2 });
    const limited = await deployments.update(paused ?? record, { maxConcurrent: 5 }, unfenced);
    expect(limited).toMatchObject({ maxConcurrent: 5, revision: 3, generation: 2 });
    const listed = async (state: "running" | "paused") =>
      (await deployments.list("default", { states: [state], limit: 10 })).items.map(({ id }) => id);
    expect(await listed("running")).toEqual([]);
    expect(await listed("paused")).toEqual(["d1"]);
    const lines = (await outboxEvents(bench())).map(({ from, to }) => [from, to]);
    expect(lines.slice(1)).toEqual([
      [undefined, "running"],
      ["running", "paused"],
      [undefined, undefined],
    ]);
  });

  it("takes a field away with null", async () => {
    const { deployments } = bench();
    const record = await acceptOne(bench(), "d1", { ratePerMinute: 60, expiresAt: 5, resolving: true });
    const next = await deployments.update(
      record,
      { ratePerMinute: null, expiresAt: null, resolving: null },
      unfenced,
    );
    expect(next).not.toHaveProperty("ratePerMinute");
    expect(next).not.toHaveProperty("expiresAt");
    expect(next?.resolving).toBe(false);
    expect(await bench().otherDeployments().get("default", "d1")).toEqual(next);
  });

  it("is done by one of two who read the same revision", async () => {
    const { deployments } = bench();
    const other = bench().otherDeployments();
    const record = await acceptOne(bench(), "d1");
    const both = await Promise.all([
      deployments.update(record, { state: "paused" }, fenced),
      other.update(record, { state: "canceled" }, fenced),
    ]);
    expect(both.filter((next) => next !== undefined)).toHaveLength(1);
    expect((await deployments.refresh("default", "d1"))?.revision).toBe(2);
  });

  it("keeps it open until it is finished, or canceled with all updates final", async () => {
    const { deployments, content } = bench();
    let record = await acceptOne(bench(), "d1");
    const isOpen = async () => {
      const ids = await deployments.open("default");
      expect(await content.openDeployments("default", "package_a")).toEqual(ids);
      return ids.length === 1;
    };
    const change = async (fields: Parameters<typeof deployments.update>[1]) => {
      record = (await deployments.update(record, fields, unfenced)) ?? record;
      return isOpen();
    };
    expect(await change({ state: "canceled", sweeping: { reason: "CANCELED" } })).toBe(true);
    expect(await change({ sweeping: null })).toBe(true);
    expect(await change({ endedAt: 5 })).toBe(false);
    expect(await change({ state: "running", endedAt: null })).toBe(true);
    expect(await change({ state: "finished", endedAt: 6 })).toBe(false);
    expect(await change({ sweeping: { reason: "WITHDRAWN", onlyIn: ["waiting"] } })).toBe(true);
  });
});

describe("reading deployments", () => {
  it("lists newest first, by state and by package, to the end without doubling", async () => {
    const { deployments } = bench();
    for (let at = 1; at <= 7; at++) {
      const record = await acceptOne(bench(), `d${at}`, { packageId: at % 2 ? "package_a" : "package_b" });
      if (at % 3 === 0) await deployments.update(record, { state: "paused" }, fenced);
    }
    const all = async (options: object) => {
      const ids: string[] = [];
      let before: number | undefined;
      do {
        const page = await deployments.list("default", {
          ...options,
          limit: 2,
          ...(before ? { before } : {}),
        });
        ids.push(...page.items.map(({ id }) => id));
        before = page.next;
      } while (before !== undefined);
      return ids.join(" ");
    };
    expect(await all({})).toBe("d7 d6 d5 d4 d3 d2 d1");
    expect(await all({ states: ["paused"] })).toBe("d6 d3");
    expect(await all({ states: ["paused", "running", "halted"] })).toBe("d7 d6 d5 d4 d3 d2 d1");
    expect(await all({ packageId: "package_b" })).toBe("d6 d4 d2");
    expect(await all({ packageId: "package_a", states: ["paused"] })).toBe("d3");
    expect(await all({ packageId: "package_none" })).toBe("");
  });

  it("shows another process's change after 250 ms, or at once past the cache", async () => {
    const { deployments, elapse } = bench();
    const other = bench().otherDeployments();
    const record = await acceptOne(bench(), "d1");
    await other.update(record, { state: "paused" }, fenced);
    expect((await deployments.get("default", "d1"))?.state).toBe("running");
    elapse(249);
    expect((await deployments.get("default", "d1"))?.state).toBe("running");
    elapse(1);
    expect((await deployments.get("default", "d1"))?.state).toBe("paused");
    const paused = await other.refresh("default", "d1");
    await other.update(paused ?? record, { state: "running" }, fenced);
    expect((await deployments.refresh("default", "d1"))?.state).toBe("running");
    expect((await deployments.get("default", "d1"))?.state).toBe("running");
  });

  it("reads many at once, leaves out what was never accepted, and asks once for the same", async () => {
    const { redis } = bench();
    for (const id of ["d1", "d2", "d3"]) await acceptOne(bench(), id);
    const other = bench().otherDeployments();
    const calls = vi.spyOn(redis.client, "evalsha");
    const reads = await Promise.all(
      Array.from({ length: 50 }, () => other.getMany("default", ["d1", "d3", "never", "d1"])),
    );
    for (const found of reads) expect([...found.keys()].sort()).toEqual(["d1", "d3"]);
    expect(calls).toHaveBeenCalledTimes(1);
    calls.mockRestore();
  });

  it("reads more than one script takes", async () => {
    const { deployments } = bench();
    const ids = Array.from({ length: 120 }, (_, at) => `d${at}`);
    for (const id of ids) await deployments.accept(draftOf(id, { source: "device2" }), undefined, operator);
    expect((await bench().otherDeployments().getMany("default", ids)).size).toBe(120);
  });
});
