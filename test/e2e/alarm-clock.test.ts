import { expect, it, vi } from "vitest";
import { startApp } from "../support/app.ts";

const deviceCount = 50;
const base = "/products/default";

it("ends every live update after all keys of the queue were wiped", async () => {
  await using app = await startApp();
  const identities = Array.from({ length: deviceCount }, (_, index) => `gw-${index}`);
  const config = { version: "1.0.1", name: "firmware", type: "JSON", payload: {} };
  await app.call("PUT", `${base}/packages/package_a`, { otau_info: { config_otau: config } });
  await app.call(
    "POST",
    `${base}/devices`,
    identities.map((identity) => ({ identity })),
  );
  const options = {
    timeouts: { acknowledgeMs: 800 },
    retry: { maxAttempts: 2, on: ["ACKNOWLEDGE_TIMEOUT"], delayMs: 100 },
  };
  const applied = await app.call<{ deployment: { id: string } }>("POST", `${base}/packages/package_a/apply`, {
    devices: identities,
    options,
  });
  const path = `${base}/deployments/${applied.body.deployment.id}`;
  const totals = async () => (await app.call<{ totals: Record<string, number> }>("GET", path)).body.totals;
  await vi.waitFor(async () => expect((await totals())["sent"]).toBe(deviceCount), { timeout: 10_000 });

  const queueKeys = await app.redis.client.keys("{otau}:*");
  expect(queueKeys.length).toBeGreaterThan(0);
  await app.redis.client.del(queueKeys);

  await vi.waitFor(async () => expect((await totals())["timed_out"]).toBe(deviceCount), { timeout: 15_000 });
});
