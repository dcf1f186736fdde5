import { beforeEach, describe, expect, it } from "vitest";
import { makeIdempotencyStore } from "../../../modules/adapters/redis/idempotency-store.ts";
import type { IdempotencyStore } from "../../../modules/usecases/ports.ts";
import { useBench } from "./product-support.ts";

const bench = useBench();
let store: IdempotencyStore;
beforeEach(() => {
  store = makeIdempotencyStore({ redis: bench().redis.client, clock: bench().clock });
});

describe.each(["default", undefined])("an idempotency key (product %s)", (productId) => {
  const begin = (digest: string, freshId: string, record = "k") =>
    store.begin(productId, record, digest, freshId);

  it("lets one of many requests run and tells the others so", async () => {
    const outcomes = await Promise.all(["a", "b", "c", "d"].map((id) => begin("body", id)));
    expect(outcomes.filter(({ outcome }) => outcome === "run")).toHaveLength(1);
    expect(outcomes.filter(({ outcome }) => outcome === "inProgress")).toHaveLength(3);
    expect(await begin("other body", "e")).toEqual({ outcome: "inProgress" });
  });

  it("answers the same body again for a day, and refuses another", async () => {
    await begin("body", "a");
    await store.finish(productId, "k", "body", '{"done":true}');
    expect(await begin("body", "b")).toEqual({ outcome: "replay", reply: '{"done":true}' });
    expect(await begin("changed", "b")).toEqual({ outcome: "reused" });
    await bench().clock.advance(86_399_000);
    expect(await begin("body", "b")).toMatchObject({ outcome: "replay" });
    await bench().clock.advance(1001);
    expect(await begin("changed", "b")).toEqual({ outcome: "run", id: "b" });
  });

  it("resumes a request that died under its id once its lease is over", async () => {
    expect(await begin("body", "first")).toEqual({ outcome: "run", id: "first" });
    await bench().clock.advance(9_000);
    expect(await begin("body", "second")).toEqual({ outcome: "inProgress" });
    await bench().clock.advance(1001);
    expect(await begin("body", "second")).toEqual({ outcome: "run", id: "first" });
    expect(await begin("body", "third")).toEqual({ outcome: "inProgress" });
  });

  it("starts another body afresh after a request that died", async () => {
    await begin("body", "first");
    await bench().clock.advance(10_001);
    expect(await begin("changed", "second")).toEqual({ outcome: "run", id: "second" });
    await store.finish(productId, "k", "body", "late answer of the first");
    expect(await begin("changed", "third")).toEqual({ outcome: "inProgress" });
    await store.finish(productId, "k", "changed", "answer");
    expect(await begin("changed", "third")).toEqual({ outcome: "replay", reply: "answer" });
  });

  it("is free again after a refusal, but an answer that is kept stays", async () => {
    await begin("body", "first");
    await store.abandon(productId, "k");
    expect(await begin("changed", "second")).toEqual({ outcome: "run", id: "second" });
    await store.finish(productId, "k", "changed", "answer");
    await store.abandon(productId, "k");
    expect(await begin("changed", "third")).toEqual({ outcome: "replay", reply: "answer" });
  });

  it("is one per record, whatever characters it holds", async () => {
    await begin("body", "a", "x:{y}\u0000");
    expect(await begin("body", "b", "x:{z}\u0000")).toEqual({ outcome: "run", id: "b" });
  });
});
