import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Redis } from "ioredis";
import { openClock } from "../modules/adapters/redis/clock.ts";
import { openRequestConnection } from "../modules/adapters/redis/connection.ts";
import { makeDeviceStore } from "../modules/adapters/redis/device-store.ts";
import { openMeta } from "../modules/adapters/redis/meta.ts";
import { findServer } from "../modules/adapters/redis-server/find-server.mjs";
import { openOwnRung } from "../modules/adapters/redis-server/own-rung.ts";
import { silentLogger } from "../modules/logger.ts";
import { defaultRetry, defaultTimeouts } from "../modules/otau/policy.ts";
import type { DeploymentRecord } from "../modules/usecases/ports.ts";

export const benchProduct = "default";
export const benchActor = { kind: "system", id: "bench" } as const;

/** A server of the bench's own with a device store on it; nothing of it is left at the end. */
export async function openFleet() {
  const dataDir = mkdtempSync(join(tmpdir(), "otau-bench-"));
  const fetchedDir = join(import.meta.dirname, "..", ".otau", "redis");
  const program = findServer({ path: process.env["PATH"], fetchedDir });
  if (program === undefined) throw new Error("no redis server: run node scripts/setup.mjs");
  const server = await openOwnRung({ dataDir, durability: "everysec", program }, silentLogger);
  const redis = (await openRequestConnection({ address: server.address, commandTimeoutMs: 30_000 })) as Redis;
  const deployments = new Map<string, DeploymentRecord>();
  const devices = makeDeviceStore({
    redis,
    meta: await openMeta(redis),
    clock: await openClock(redis),
    findDeployments: async (_productId, ids) => {
      const found = new Map<string, DeploymentRecord>();
      for (const id of ids) {
        const record = deployments.get(id);
        if (record !== undefined) found.set(id, record);
      }
      return found;
    },
  });
  return {
    devices,
    deployments,
    redis,
    /** Data and the table of keys; what clients and the append-only file hold for the moment is left out. */
    usedBytes: async () => {
      const info = await redis.info("memory");
      const read = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1] ?? 0);
      return read("used_memory") - read("mem_clients_normal") - read("mem_aof_buffer");
    },
    close: async () => {
      redis.disconnect();
      await server.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** An accepted deployment of the bench. */
export function benchDeployment(id: string, seq: number): DeploymentRecord {
  return {
    id,
    productId: benchProduct,
    seq,
    packageId: "package_bench",
    version: "2.0.0",
    source: "apply",
    configText: "{}",
    timeouts: defaultTimeouts,
    retry: defaultRetry,
    confirm: "required",
    force: false,
    onActive: "supersede",
    createdAt: Date.now(),
    state: "running",
    withdrawn: false,
    otauInfoText: "{}",
    name: "bench",
    packageRevision: 1,
    revision: 1,
    generation: 1,
    createdBy: "bench",
    expectedTotal: 1,
    resolving: false,
    options: {},
  };
}

/** Identities as fleets have them. */
export function benchIdentities(count: number): string[] {
  return Array.from({ length: count }, (_, at) => `dev-${String(at).padStart(8, "0")}`);
}

/** Cuts a list into parts. */
export function chunksOf<Item>(items: readonly Item[], size: number): Item[][] {
  const chunks: Item[][] = [];
  for (let at = 0; at < items.length; at += size) chunks.push(items.slice(at, at + size));
  return chunks;
}
