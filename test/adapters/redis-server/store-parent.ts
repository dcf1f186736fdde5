// A parent to be killed: opens a rung, prints where it listens, and waits.
// Arguments: rung, data directory, folder of a fetched server.
import { openStore } from "../../../modules/adapters/redis-server/open-store.ts";
import { silentLogger } from "../../../modules/logger.ts";
import { formatStartupError } from "../../../modules/startup-error.ts";

const [rung, dataDir = "", fetchedRedisDir = ""] = process.argv.slice(2);
try {
  const store = await openStore(
    {
      redisUrl: undefined,
      store: rung === "trial" ? "trial" : "own",
      durability: undefined,
      dataDir,
      isProduction: false,
      fetchedRedisDir,
      searchPath: process.env["PATH"],
    },
    silentLogger,
  );
  process.stdout.write(`${JSON.stringify({ rung: store.rung, address: store.address })}\n`);
  setInterval(() => undefined, 60_000);
} catch (error) {
  process.stdout.write(`${JSON.stringify({ refused: formatStartupError(error) })}\n`);
  process.exitCode = 1;
}
