import { join } from "node:path";
import { findServer } from "../../modules/adapters/redis-server/find-server.mjs";
import { openOwnRung } from "../../modules/adapters/redis-server/own-rung.ts";
import type { FsyncPolicy, Store } from "../../modules/adapters/redis-server/store.ts";
import { openTrialRung } from "../../modules/adapters/redis-server/trial-rung.ts";
import type { Logger } from "../../modules/logger.ts";

/** The folder into which `npm test` fetches a server where the machine has none. */
export const fetchedRedisDir = join(import.meta.dirname, "..", "..", ".otau", "redis");

const program = findServer({ path: process.env["PATH"], fetchedDir: fetchedRedisDir });

/** False where the tests run on the trial rung. */
export const hasRealServer = program !== undefined && process.env["OTAU_STORE"] !== "trial";

/** A real server with its data below `dataDir`; the trial rung where there is none. */
export async function openTestServer(dataDir: string, durability: FsyncPolicy, log: Logger): Promise<Store> {
  if (program === undefined || !hasRealServer) return openTrialRung({ dataDir }, log);
  return openOwnRung({ dataDir, durability, program }, log);
}
