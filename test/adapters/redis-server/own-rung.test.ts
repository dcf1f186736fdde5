import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestRedis, type TestRedis } from "../../support/redis.ts";

describe("the server of the test run", () => {
  let redis: TestRedis;
  let other: TestRedis;
  beforeAll(async () => {
    redis = await startTestRedis();
    other = await startTestRedis();
  });
  afterAll(async () => {
    await redis.close();
    await other.close();
  });

  it("gives each caller a keyspace of its own", async () => {
    await redis.client.set("a", "1");
    expect(await other.client.get("a")).toBeNull();
    expect(await redis.client.get("a")).toBe("1");
  });
});
