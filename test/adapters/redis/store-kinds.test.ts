import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { openClock } from "../../../modules/adapters/redis/clock.ts";
import {
  openRequestConnection,
  openSubscriberConnection,
} from "../../../modules/adapters/redis/connection.ts";
import { makeDeviceStore } from "../../../modules/adapters/redis/device-store.ts";
import { makeHints } from "../../../modules/adapters/redis/hints.ts";
import { openMeta } from "../../../modules/adapters/redis/meta.ts";
import { findServer, serverEnv } from "../../../modules/adapters/redis-server/find-server.mjs";
import type { StoreAddress } from "../../../modules/adapters/redis-server/store.ts";
import { openTrialRung } from "../../../modules/adapters/redis-server/trial-rung.ts";
import { silentLogger } from "../../../modules/logger.ts";
import type { DeploymentRecord } from "../../../modules/usecases/ports.ts";
import { fetchedRedisDir } from "../../support/test-server.ts";
import { actor, change, deployment, sent } from "./device-support.ts";

/** The same walk through everything the device store does, on every kind of server it must run on. */
async function walkThrough(address: StoreAddress): Promise<void> {
  const redis = await openRequestConnection({ address, commandTimeoutMs: 15_000 });
  const subscriber = openSubscriberConnection({ address });
  onTestFinished(() => {
    redis.disconnect();
    subscriber.disconnect();
  });
  const meta = await openMeta(redis);
  const deployments = new Map<string, DeploymentRecord>();
  const clock = await openClock(redis);
  const findDeployments = async () => deployments;
  const devices = makeDeviceStore({ redis, meta, clock, findDeployments });
  const identities = Array.from({ length: 90 }, (_, at) => `dev-${String(at).padStart(3, "0")}`);
  const tags = { site: "berlin" };
  const { created } = await devices.create(
    "p",
    identities.map((identity) => ({ identity, tags })),
    actor,
  );
  expect(created).toEqual(identities);
  await devices.enrol("d1", "p", identities);
  deployments.set("d1", deployment("d1", 1));
  await devices.fence("d1", "p", 2);
  const heard: string[] = [];
  const hints = makeHints({ subscriber, meta });
  const leaving = [];
  for (let shard = 0; shard < meta.shardCount; shard++) {
    leaving.push(await hints.subscribe(shard, ({ identity }) => heard.push(identity)));
  }
  const refs = identities.map((identity) => ({ productId: "p", identity }));
  const loaded = (await devices.loadMany(refs)).filter((each) => each !== undefined);
  const now = loaded[0]?.now ?? 0;
  const lines = [{ seq: 1, at: now, kind: "write" as const, actor }];
  const message = "ü".repeat(300);
  const results = await devices.commitMany(
    loaded.map(({ device }) =>
      change(
        device,
        { updates: [sent("d1", { message })], historySeq: 1 },
        { lines, seenAt: now, dueAt: now, notify: true, fences: [{ deploymentId: "d1", generation: 2 }] },
      ),
    ),
  );
  expect(new Set(results)).toEqual(new Set(["done"]));
  await expect.poll(() => heard.length, { timeout: 5000 }).toBe(90);
  for (const leave of leaving) leave();
  expect(await devices.totals("d1")).toMatchObject({ total: 90, sent: 90, waiting: 0 });
  expect(await devices.slotsHeld("d1")).toBe(90);
  const again = (await devices.load({ productId: "p", identity: "dev-007" }))?.device;
  expect(again?.updates[0]?.message).toBe(message);
  expect(await devices.count("p", { tags: { site: ["berlin"] }, updateState: ["sent"], online: true })).toBe(
    90,
  );
  const page = await devices.list("p", { q: "DEV-0", drifted: false }, { limit: 50 });
  expect(page.rows.map(({ device }) => device.identity)).toEqual(identities.slice(0, 50));
  expect(await devices.summary("p")).toMatchObject({ total: 90, byUpdateState: { sent: 90 }, online: 90 });
  const due = await Promise.all(
    Array.from({ length: meta.shardCount }, (_, shard) => devices.due(shard, 100)),
  );
  expect(due.flatMap(({ refs: found }) => found)).toHaveLength(90);
  const ref = { productId: "p", identity: "dev-007" };
  expect((await devices.history(ref, { limit: 5, order: "desc" }))?.lines).toEqual(lines);
  await devices.writeResources(ref, { temp: 21.5, note: "n".repeat(600) }, "device", now * 1000);
  expect((await devices.readResources(ref))?.["temp"]).toMatchObject({ reported: 21.5 });
  await devices.touch(ref);
  const whole = await devices.load(ref, { past: true });
  if (whole === undefined) throw new Error("dev-007 is not there");
  expect(await devices.commitMany([{ ...change(whole.device, {}), after: undefined }])).toEqual(["done"]);
  expect(await devices.totals("d1")).toMatchObject({ total: 90, sent: 89, canceled: 1 });
  expect((await devices.membersByIdentity("d1", "p", { states: ["sent"], limit: 100 })).refs).toHaveLength(
    89,
  );
  expect((await devices.create("p", [{ identity: "dev-007" }], actor)).created).toEqual(["dev-007"]);
}

async function freePort(): Promise<number> {
  // The cluster's own port is 10,000 above, so the port must be low enough.
  for (let port = 21_000 + (process.pid % 1000); ; port++) {
    const server = createServer();
    const taken = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(true));
      server.listen(port, "127.0.0.1", () => resolve(false));
    });
    if (taken) continue;
    server.close();
    await once(server, "close");
    return port;
  }
}

describe("the device store", () => {
  it("works on a cluster: every script stays in one slot", async () => {
    const program = findServer({ path: process.env["PATH"], fetchedDir: fetchedRedisDir });
    if (program === undefined) throw new Error("no redis server: run node scripts/setup.mjs");
    const dir = mkdtempSync(join(tmpdir(), "otau-cluster-"));
    const port = await freePort();
    const options = ["--port", String(port), "--bind", "127.0.0.1", "--dir", dir, "--save", ""];
    const server = spawn(
      program.command,
      [...options, "--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1"],
      {
        env: serverEnv(program, process.env),
        stdio: "ignore",
      },
    );
    onTestFinished(async () => {
      const ended = server.exitCode === null ? once(server, "exit") : undefined;
      server.kill();
      await ended;
      rmSync(dir, { recursive: true, force: true });
    });
    const url = `redis://127.0.0.1:${port}`;
    const plain: StoreAddress = { kind: "url", urls: [url], isCluster: false };
    await expect.poll(() => assignSlots(plain), { timeout: 10_000, interval: 100 }).toBe(true);
    await walkThrough({ kind: "url", urls: [url], isCluster: true });
  });

  it("works on the bundled server that is for trial only", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "otau-trial-"));
    const store = await openTrialRung({ dataDir }, silentLogger);
    onTestFinished(async () => {
      await store.close();
      rmSync(dataDir, { recursive: true, force: true });
    });
    await walkThrough(store.address);
  });
});

async function assignSlots(address: StoreAddress): Promise<boolean> {
  try {
    const redis = await openRequestConnection({ address });
    try {
      if (!String(await redis.call("CLUSTER", "INFO")).includes("cluster_slots_assigned:16384")) {
        await redis.call("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
      }
      return String(await redis.call("CLUSTER", "INFO")).includes("cluster_state:ok");
    } finally {
      redis.disconnect();
    }
  } catch {
    return false;
  }
}
