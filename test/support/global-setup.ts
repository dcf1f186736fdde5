import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { silentLogger } from "../../modules/logger.ts";
import { openTestServer } from "./test-server.ts";

declare module "vitest" {
  export interface ProvidedContext {
    readonly redisSocketPath: string;
  }
}

/** One real server for the whole run, on a unix socket; where there is none, the trial rung, and it says so. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = mkdtempSync(join(tmpdir(), "otau-test-"));
  const store = await openTestServer(dataDir, "no", silentLogger);
  if (store.address.kind !== "socket") throw new Error("tests need a server on a unix socket");
  if (store.rung === "trial")
    process.stderr.write("tests run on the trial store: no real server was found\n");
  project.provide("redisSocketPath", store.address.socketPath);
  return async () => {
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  };
}
