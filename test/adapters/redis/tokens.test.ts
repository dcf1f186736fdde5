import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { makeAppTokenStore } from "../../../modules/adapters/redis/tokens-app.ts";
import { makeDeviceTokens } from "../../../modules/adapters/redis/tokens-device.ts";
import { useBench } from "./product-support.ts";

const bench = useBench();
const digestOf = (text: string) => createHash("sha256").update(text).digest("hex");
const appTokens = () => makeAppTokenStore({ redis: bench().redis.client, clock: bench().clock });
const deviceTokens = () => makeDeviceTokens({ redis: bench().redis.client });
const token = (id: string) => ({ id, name: `Token ${id}`, role: "viewer", products: ["*"] }) as const;

describe("app tokens", () => {
  it("are created, found by their digest and removed", async () => {
    const created = await appTokens().create({ ...token("t1"), expiresAt: 5 }, digestOf("s1"));
    expect(created).toMatchObject({ ...token("t1"), expiresAt: 5, revision: 1 });
    expect(await appTokens().findByDigest(digestOf("s1"))).toEqual(created);
    expect(await appTokens().get("t1")).toEqual(created);
    expect(await appTokens().remove("t1")).toBe(true);
    expect(await appTokens().remove("t1")).toBe(false);
    expect(await appTokens().findByDigest(digestOf("s1"))).toBeUndefined();
    expect(await appTokens().list({ limit: 5 })).toEqual({ items: [] });
  });

  it("have one valid secret after a rotation: the new one", async () => {
    await appTokens().create(token("t1"), digestOf("old"));
    expect(await appTokens().rotate("t1", digestOf("new"))).toMatchObject({ id: "t1", revision: 2 });
    expect(await appTokens().findByDigest(digestOf("old"))).toBeUndefined();
    expect(await appTokens().findByDigest(digestOf("new"))).toMatchObject({ id: "t1" });
    expect(await appTokens().rotate("none", digestOf("x"))).toBeUndefined();
  });

  it("are created once when the same call comes twice, and never under another's id or secret", async () => {
    const first = await appTokens().create(token("t1"), digestOf("s1"));
    expect(await appTokens().create(token("t1"), digestOf("s1"))).toEqual(first);
    await expect(appTokens().create(token("t1"), digestOf("s2"))).rejects.toMatchObject({ code: "INTERNAL" });
    await expect(appTokens().create(token("t2"), digestOf("s1"))).rejects.toMatchObject({ code: "INTERNAL" });
  });

  it("are listed by id, page by page", async () => {
    for (const id of ["c", "a", "b"]) await appTokens().create(token(id), digestOf(id));
    const first = await appTokens().list({ limit: 2 });
    expect(first.items.map(({ id }) => id)).toEqual(["a", "b"]);
    const rest = await appTokens().list({ limit: 2, after: first.next ?? "" });
    expect(rest.items.map(({ id }) => id)).toEqual(["c"]);
  });
});

describe("device tokens", () => {
  it("name their device in every process, long names too", async () => {
    const refs = [
      { productId: "default", identity: "gw-1" },
      { productId: "p".repeat(64), identity: "i".repeat(128) },
      { productId: "default", identity: "AA:bb@c.d-e_f" },
    ];
    for (const [at, ref] of refs.entries()) await deviceTokens().remember(digestOf(String(at)), ref);
    const reader = deviceTokens();
    for (const [at, ref] of refs.entries()) {
      expect(await reader.find(digestOf(String(at)))).toEqual(ref);
      expect(await reader.find(digestOf(String(at)))).toEqual(ref);
    }
    expect(await reader.find(digestOf("unknown"))).toBeUndefined();
    expect(await reader.find("no digest")).toBeUndefined();
  });

  it("stay compact in Redis, whatever stands in a bucket", async () => {
    const { client } = bench().redis;
    const ref = { productId: "default", identity: "gw-000001" };
    const bucket = digestOf("x").slice(0, 4);
    for (let at = 0; at < 60; at++) {
      await deviceTokens().remember(bucket + digestOf(String(at)).slice(4), ref);
    }
    await deviceTokens().remember(bucket + digestOf("long").slice(4), { ...ref, identity: "i".repeat(128) });
    const [key = ""] = await client.keys("*:tok:*");
    expect(await client.hlen(key)).toBe(61);
    expect(await client.object("ENCODING", key)).toBe("listpack");
  });
});
