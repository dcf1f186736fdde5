import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { startReceiver } from "../support/receiver.ts";
import { adminTokenOf, startRealServer, stopRealServer } from "./real-server.ts";

const secret = `whsec_${Buffer.from("a secret of twenty-four b").toString("base64")}`;

describe("a killed process", () => {
  // After the write and before its call is noted to be due, before the call, and after it was accepted.
  it.each(["connector:owed", "connector:calling", "connector:answered"])(
    "at %s loses no connector's call",
    async (failPoint) => {
      const dataDir = mkdtempSync(join(tmpdir(), "otau-connector-"));
      await using platform = await startReceiver();
      const first = await startRealServer({ dataDir, failPoint });
      const token = adminTokenOf(dataDir);
      const api = async (url: string, method: string, path: string, body: unknown) => {
        const reply = await fetch(`${url}/api/v1/products/cloud${path}`, {
          method,
          headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
        return (await reply.json()) as { deliveredAt?: string; state?: string; attempt?: number };
      };
      await api(first.apiUrl, "PUT", "", { connector: { url: platform.url, secret } });
      await api(first.apiUrl, "PUT", "/devices/gw-1", {});
      await api(first.apiUrl, "PUT", "/packages/package_a", {
        otau_info: { config_otau: { version: "2.0", name: "n", type: "JSON", payload: {} } },
      });
      // The process may die before it answers.
      await api(first.apiUrl, "POST", "/packages/package_a/apply", { devices: ["gw-1"] }).catch(
        () => undefined,
      );
      await first.ended;
      const second = await startRealServer({ dataDir });
      try {
        await vi.waitFor(
          async () => {
            const update = await api(second.apiUrl, "GET", "/devices/gw-1/update", undefined);
            expect(update).toMatchObject({ state: "sent", attempt: 1, deliveredAt: expect.any(String) });
          },
          { timeout: 25_000, interval: 200 },
        );
        expect(new Set(platform.calls.map(({ id, body }) => `${id} ${body}`)).size).toBe(1);
      } finally {
        await stopRealServer(second);
        rmSync(dataDir, { recursive: true, force: true });
      }
    },
    60_000,
  );
});
