import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { durabilityOf, keepsPromise, weakest } from "../../../modules/adapters/redis-server/durability.ts";
import { findServer, serverEnv } from "../../../modules/adapters/redis-server/find-server.mjs";
import { openStore } from "../../../modules/adapters/redis-server/open-store.ts";
import type { StoreSettings } from "../../../modules/adapters/redis-server/store.ts";
import { silentLogger } from "../../../modules/logger.ts";
import { formatStartupError } from "../../../modules/startup-error.ts";

describe("openStore", () => {
  let dataDir: string;
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), "otau-open-"));
  });
  afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

  /** A machine without any server. */
  const bare = (): StoreSettings => ({
    redisUrl: undefined,
    store: undefined,
    durability: undefined,
    dataDir,
    isProduction: false,
    fetchedRedisDir: join(dataDir, "nothing"),
    searchPath: "",
  });
  const refusalOf = (settings: StoreSettings): Promise<string> =>
    openStore(settings, silentLogger).then(
      (store) => store.close().then(() => `opened ${store.rung}`),
      (error: unknown) => formatStartupError(error),
    );

  it("falls to the trial rung where there is no server", async () => {
    expect(await refusalOf(bare())).toBe("opened trial");
  });

  it("refuses the trial rung in production", async () => {
    expect(await refusalOf({ ...bare(), isProduction: true })).toBe(
      "otau: no Redis here, and the trial store is refused under NODE_ENV=production: set REDIS_URL, or install redis-server or valkey-server",
    );
  });

  it("refuses a promise that the trial rung cannot keep", async () => {
    expect(await refusalOf({ ...bare(), durability: "always" })).toContain(
      "OTAU_DURABILITY=always would be a lie",
    );
  });

  it("does not begin empty beside the data of a server that has gone", async () => {
    mkdirSync(join(dataDir, "redis", "appendonlydir"), { recursive: true });
    expect(await refusalOf(bare())).toContain("holds the data of a Redis of its own");
    expect(await refusalOf({ ...bare(), store: "trial" })).toBe("opened trial");
  });

  it("names the mend where a forced rung cannot be opened", async () => {
    expect(await refusalOf({ ...bare(), store: "own" })).toContain(
      "no server program on the PATH or in .otau/redis",
    );
    expect(await refusalOf({ ...bare(), store: "external" })).toContain("needs REDIS_URL");
  });

  it("tells of an outside server that does not answer, without its password", async () => {
    const line = await refusalOf({ ...bare(), redisUrl: "redis://user:hunter2@127.0.0.1:1/0" });
    expect(line).toContain(
      "the store at redis://127.0.0.1:1/0 does not answer (connect ECONNREFUSED 127.0.0.1:1)",
    );
    expect(line).toContain("mend REDIS_URL");
    expect(line).not.toContain("hunter2");
  });

  it("gives up on an outside address that takes connections and says nothing", async () => {
    const mute = createServer();
    const port = await new Promise<number>((resolve) => {
      mute.listen(0, "127.0.0.1", () => {
        const address = mute.address();
        resolve(typeof address === "object" && address !== null ? address.port : 0);
      });
    });
    const line = await refusalOf({ ...bare(), redisUrl: `redis://127.0.0.1:${port}` });
    mute.close();
    expect(line).toContain("does not answer");
  });
});

describe("durability", () => {
  const settings = (text: Record<string, string>): ReadonlyMap<string, string> =>
    new Map(Object.entries(text));

  it("is what the server is really set to", () => {
    expect(durabilityOf(settings({ appendonly: "yes", appendfsync: "everysec" }))).toBe("everysec");
    expect(durabilityOf(settings({ appendonly: "no", appendfsync: "always", save: "3600 1" }))).toBe(
      "snapshots",
    );
    expect(durabilityOf(settings({ appendonly: "no", save: "" }))).toBe("none");
    expect(durabilityOf(settings({}))).toBe("unknown");
  });

  it("of a cluster is that of its weakest master", () => {
    expect(weakest(["always", "none", "everysec"])).toBe("none");
    expect(weakest(["always", "unknown"])).toBe("unknown");
    expect(weakest(["always", "always"])).toBe("always");
  });

  it("keeps a promise that is not stronger than it", () => {
    expect(keepsPromise("always", "everysec")).toBe(true);
    expect(keepsPromise("everysec", "always")).toBe(false);
    expect(keepsPromise("unknown", "no")).toBe(false);
  });
});

describe("findServer", () => {
  it("takes a program on the search path before a fetched one, and gives libraries to the fetched one alone", () => {
    const folder = mkdtempSync(join(tmpdir(), "otau-find-"));
    const fetchedDir = join(folder, "fetched");
    mkdirSync(join(fetchedDir, "usr", "bin"), { recursive: true });
    mkdirSync(join(fetchedDir, "usr", "lib", "some-triplet"), { recursive: true });
    const fetched = join(fetchedDir, "usr", "bin", "redis-server");
    const installed = join(folder, "keydb-server");
    for (const path of [fetched, installed]) {
      writeFileSync(path, "#!/bin/sh\n");
      chmodSync(path, 0o755);
    }
    expect(findServer({ path: folder, fetchedDir })).toEqual({
      command: installed,
      name: "keydb-server",
      libraryDirs: [],
    });
    const found = findServer({ path: "/nowhere", fetchedDir });
    expect(found?.command).toBe(fetched);
    expect(found && serverEnv(found, { LD_LIBRARY_PATH: "/x" })["LD_LIBRARY_PATH"]).toBe(
      `${join(fetchedDir, "usr", "lib", "some-triplet")}:${join(fetchedDir, "usr", "lib")}:/x`,
    );
    chmodSync(installed, 0o644);
    expect(findServer({ path: folder, fetchedDir: join(folder, "none") })).toBeUndefined();
    rmSync(folder, { recursive: true, force: true });
  });
});
