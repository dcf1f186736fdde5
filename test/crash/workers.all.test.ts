import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";
import { findServer } from "../../modules/adapters/redis-server/find-server.mjs";
import { fetchedRedisDir } from "../support/test-server.ts";
import { adminTokenOf, startRealServer } from "./real-server.ts";

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

async function reach(port: number): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  socket.destroy();
}

async function startTcpRedis(dir: string): Promise<{ url: string; child: ChildProcess }> {
  const program = findServer({ path: process.env["PATH"], fetchedDir: fetchedRedisDir });
  if (program === undefined) throw new Error("this test needs a real Redis server");
  const port = await freePort();
  const args = [
    "--port",
    String(port),
    "--bind",
    "127.0.0.1",
    "--dir",
    dir,
    "--save",
    "",
    "--appendonly",
    "yes",
  ];
  const child = spawn(program.command, args, {
    stdio: "ignore",
    env: { ...process.env, LD_LIBRARY_PATH: program.libraryDirs.join(":") },
  });
  await vi.waitFor(() => reach(port), { timeout: 5000 });
  return { url: `redis://127.0.0.1:${port}`, child };
}

it("takes over the deadlines of a worker that stands still", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "otau-workers-"));
  const redis = await startTcpRedis(dataDir);
  const env = { REDIS_URL: redis.url };
  const first = await startRealServer({ dataDir, env });
  const second = await startRealServer({ dataDir, env });
  onTestFinished(async () => {
    for (const { child, ended } of [first, second]) {
      child.kill("SIGKILL");
      await ended;
    }
    redis.child.kill("SIGTERM");
    await once(redis.child, "exit");
    rmSync(dataDir, { recursive: true, force: true });
  });

  const token = adminTokenOf(dataDir);
  const call = async <Body>(method: string, path: string, body?: unknown): Promise<Body> => {
    const reply = await fetch(`${second.apiUrl}/api/v1/products/default${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    expect(reply.status).toBeLessThan(300);
    return (await reply.json()) as Body;
  };
  const identities = Array.from({ length: 20 }, (_, index) => `gw-${index}`);
  const config = { version: "1.0.1", name: "firmware", type: "JSON", payload: {} };
  await call("PUT", "/packages/package_a", { otau_info: { config_otau: config } });
  await call(
    "POST",
    "/devices",
    identities.map((identity) => ({ identity })),
  );
  const { deployment } = await call<{ deployment: { id: string } }>("POST", "/packages/package_a/apply", {
    devices: identities,
    options: { timeouts: { acknowledgeMs: 3000 } },
  });
  type View = { totals: Record<string, number> };
  const totals = async () => (await call<View>("GET", `/deployments/${deployment.id}`)).totals;
  await vi.waitFor(async () => expect((await totals())["sent"]).toBe(identities.length), { timeout: 10_000 });

  first.child.kill("SIGSTOP");
  await vi.waitFor(async () => expect((await totals())["timed_out"]).toBe(identities.length), {
    timeout: 20_000,
  });

  const { items } = await call<{ items: { kind: string; at: string; stampedAt: string }[] }>(
    "GET",
    "/devices/gw-0/history",
  );
  const line = items.find(({ kind }) => kind === "deadline");
  expect(Date.parse(line?.at ?? "") - Date.parse(line?.stampedAt ?? "")).toBeGreaterThanOrEqual(0);
  expect(Date.parse(line?.at ?? "") - Date.parse(line?.stampedAt ?? "")).toBeLessThan(5000);
});
