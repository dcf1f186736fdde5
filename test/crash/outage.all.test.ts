import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, it, onTestFinished, vi } from "vitest";
import { adminTokenOf, type RealServer, startRealServer, stopRealServer } from "./real-server.ts";

const graceMs = 2000;
const product = "/api/v1/products/default";

function freshDataDir(): string {
  const dataDir = mkdtempSync(join(tmpdir(), "otau-outage-"));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  return dataDir;
}

async function call<Body>(
  server: RealServer,
  dataDir: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<Body> {
  const reply = await fetch(`${server.apiUrl}${path}`, {
    method,
    headers: { authorization: `Bearer ${adminTokenOf(dataDir)}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  expect(reply.status).toBeLessThan(300);
  return (await reply.json()) as Body;
}

async function applyToOne(server: RealServer, dataDir: string): Promise<void> {
  const config = { version: "1.0.1", name: "firmware", type: "JSON", payload: {} };
  await call(server, dataDir, "PUT", product, { limits: { outageGraceMs: graceMs } });
  await call(server, dataDir, "PUT", `${product}/packages/package_a`, { otau_info: { config_otau: config } });
  await call(server, dataDir, "POST", `${product}/devices`, [{ identity: "gw-1" }]);
  await call(server, dataDir, "POST", `${product}/packages/package_a/apply`, {
    devices: ["gw-1"],
    options: { timeouts: { acknowledgeMs: 2500 } },
  });
}

it("holds a deadline that fell due while nobody listened, until the grace after recovery", async () => {
  const dataDir = freshDataDir();
  const first = await startRealServer({ dataDir });
  await applyToOne(first, dataDir);
  await delay(1000);
  first.child.kill("SIGKILL");
  await first.ended;
  await delay(4500);

  const second = await startRealServer({ dataDir });
  onTestFinished(() => stopRealServer(second));
  const recoveredAt = Date.now();
  type Line = { kind: string; at: string; stampedAt: string };
  const deadline = async (): Promise<Line | undefined> => {
    const { items } = await call<{ items: Line[] }>(
      second,
      dataDir,
      "GET",
      `${product}/devices/gw-1/history`,
    );
    return items.find(({ kind }) => kind === "deadline");
  };
  await vi.waitFor(async () => expect(await deadline()).toBeDefined(), { timeout: 15_000, interval: 100 });
  const line = await deadline();
  expect(Date.parse(line?.at ?? "")).toBeGreaterThanOrEqual(recoveredAt + graceMs - 1000);
  expect(Date.parse(line?.stampedAt ?? "")).toBeLessThan(recoveredAt);
});

it("stops within ten seconds under load and leaves no child process", async () => {
  const dataDir = freshDataDir();
  const server = await startRealServer({ dataDir });
  await applyToOne(server, dataDir);
  const lock = JSON.parse(readFileSync(join(dataDir, "store.lock"), "utf8")) as {
    child: { process: { pid: number } };
  };
  let isLoaded = true;
  const load = Array.from({ length: 4 }, async () => {
    while (isLoaded) await call(server, dataDir, "GET", `${product}/summary`).catch(() => undefined);
  });
  await delay(300);

  const began = performance.now();
  await stopRealServer(server);
  isLoaded = false;
  await Promise.all(load);

  expect(server.child.exitCode).toBe(0);
  expect(performance.now() - began).toBeLessThan(10_000);
  expect(() => process.kill(lock.child.process.pid, 0)).toThrow();
});
