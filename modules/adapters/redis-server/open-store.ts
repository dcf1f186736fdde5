import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "../../logger.ts";
import { StartupError } from "../../startup-error.ts";
import { openExternalRung } from "./external-rung.ts";
import { findServer } from "./find-server.mjs";
import { openOwnRung, ownDataDir } from "./own-rung.ts";
import type { Rung, Store, StoreSettings } from "./store.ts";
import { openTrialRung } from "./trial-rung.ts";

const mend = "set REDIS_URL, or install redis-server or valkey-server";

/** The ladder: how each rung is opened. Rungs are tried from the top unless one is forced. */
const ladder: Record<Rung, (settings: StoreSettings, log: Logger) => Promise<Store>> = {
  external: ({ redisUrl, durability }, log) => {
    if (redisUrl === undefined)
      throw new StartupError("OTAU_STORE=external needs REDIS_URL: set it, or leave OTAU_STORE out");
    return openExternalRung({ redisUrl, durability }, log);
  },
  own: (settings, log) => {
    const program = findServer({ path: settings.searchPath, fetchedDir: settings.fetchedRedisDir });
    if (program === undefined) {
      throw new StartupError(
        `OTAU_STORE=own, but there is no server program on the PATH or in .otau/redis: ${mend}`,
      );
    }
    warnOfTrialData(settings, log);
    return openOwnRung(
      { dataDir: settings.dataDir, durability: settings.durability ?? "always", program },
      log,
    );
  },
  trial: (settings, log) => {
    refuseTrial(settings);
    return openTrialRung(settings, log);
  },
};

function chooseRung({ store, redisUrl, searchPath, fetchedRedisDir }: StoreSettings): Rung {
  if (store !== undefined) return store;
  if (redisUrl !== undefined) return "external";
  return findServer({ path: searchPath, fetchedDir: fetchedRedisDir }) === undefined ? "trial" : "own";
}

function refuseTrial({ isProduction, durability, store, dataDir }: StoreSettings): void {
  if (isProduction)
    throw new StartupError(
      `no Redis here, and the trial store is refused under NODE_ENV=production: ${mend}`,
    );
  if (durability === "always" || durability === "everysec") {
    throw new StartupError(
      `no Redis here, and OTAU_DURABILITY=${durability} would be a lie on the trial store: ${mend}`,
    );
  }
  // Falling through in silence would look as if every device were lost.
  if (store === undefined && existsSync(join(ownDataDir(dataDir), "appendonlydir"))) {
    throw new StartupError(
      `${dataDir} holds the data of a Redis of its own, but no server program is here any more: ${mend} (OTAU_STORE=trial begins apart from it)`,
    );
  }
}

function warnOfTrialData({ dataDir }: StoreSettings, log: Logger): void {
  if (!existsSync(join(dataDir, "trial", "snapshot"))) return;
  log.warn({ dataDir }, "data of the trial store is not taken over; OTAU_STORE=trial shows it");
}

/**
 * Opens the store: a server outside, one of our own, or the trial one, whichever is the best there is.
 *
 * @throws StartupError saying in one line what is wrong and what to do.
 */
export async function openStore(settings: StoreSettings, log: Logger): Promise<Store> {
  return ladder[chooseRung(settings)](settings, log);
}
