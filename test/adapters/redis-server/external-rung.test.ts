import { createServer } from "node:net";
import { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { openExternalRung } from "../../../modules/adapters/redis-server/external-rung.ts";
import { silentLogger } from "../../../modules/logger.ts";
import { startOwnRedis } from "../../support/redis.ts";
import { hasRealServer } from "../../support/test-server.ts";

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });

/** A server that listens on a TCP port, as one outside would. */
async function startOutside(settings: Record<string, string>): Promise<string> {
  const { socketPath } = await startOwnRedis();
  const client = new Redis({ path: socketPath });
  const port = await freePort();
  for (const [name, value] of Object.entries({ ...settings, port: String(port) }))
    await client.config("SET", name, value);
  client.disconnect();
  return `redis://127.0.0.1:${port}`;
}

describe.runIf(hasRealServer)("an outside server", () => {
  it("is reported as durable as it is really set", async () => {
    const redisUrl = await startOutside({ appendonly: "yes", appendfsync: "everysec" });
    const store = await openExternalRung({ redisUrl, durability: undefined }, silentLogger);
    expect(store).toMatchObject({
      rung: "external",
      durability: "everysec",
      address: { kind: "url", urls: [redisUrl], isCluster: false },
    });
    expect(store.describe()).toBe(`the server at ${redisUrl}: a power cut may lose the last second`);
  });

  it("refuses a promise that the server does not keep, naming the mend", async () => {
    const redisUrl = await startOutside({ appendonly: "no", save: "" });
    await expect(openExternalRung({ redisUrl, durability: "always" }, silentLogger)).rejects.toThrow(
      `OTAU_DURABILITY=always would be a lie for the store at ${redisUrl} (it is set to none: a stop loses everything): set appendonly yes and appendfsync always there, or leave OTAU_DURABILITY out`,
    );
  });

  it("names a server that asks for a password", async () => {
    const redisUrl = await startOutside({ requirepass: "hunter2" });
    await expect(openExternalRung({ redisUrl, durability: undefined }, silentLogger)).rejects.toThrow(
      "NOAUTH",
    );
    const withPassword = redisUrl.replace("//", "//:hunter2@");
    const store = await openExternalRung({ redisUrl: withPassword, durability: "no" }, silentLogger);
    expect(store.describe()).not.toContain("hunter2");
  });
});
