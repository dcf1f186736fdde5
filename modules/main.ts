import { join } from "node:path";
import closeWithGrace from "close-with-grace";
import { openStore } from "./adapters/redis-server/open-store.ts";
import { resolveAdminToken } from "./admin-token.ts";
import { compose } from "./compose.ts";
import { loadConfig, processEnv } from "./config.ts";
import { makeFailPoint, noFailPoint } from "./fail-point.ts";
import { makeLogger } from "./logger.ts";
import { formatStartupError } from "./startup-error.ts";

const stopWithinMs = 10_000;

/** Starts what the settings say, prints the one line that says where it listens, and ends in order. */
async function main(): Promise<void> {
  const env = processEnv();
  const config = loadConfig(env);
  const log = makeLogger({ level: config.logLevel });
  const admin = resolveAdminToken(config);
  if (admin.isNew) log.info({ path: admin.path }, "admin token generated");
  const store = await openStore(config, log);
  log[store.rung === "trial" ? "warn" : "info"](
    { rung: store.rung, durability: store.durability },
    store.describe(),
  );
  const isTest = env["NODE_ENV"] === "test";
  const running = await compose({
    config,
    store,
    adminToken: admin.token,
    log,
    root: join(import.meta.dirname, ".."),
    failPoint: isTest ? makeFailPoint(env["TEST_FAIL_POINT"]) : noFailPoint,
    usesTestClock: isTest && env["TEST_CLOCK"] === "true",
  }).catch(async (error: unknown) => {
    await store.close();
    throw error;
  });
  closeWithGrace({ delay: stopWithinMs, logger: false }, async ({ err, signal }) => {
    if (err) log.fatal({ err }, "stopping after a fault");
    else log.info({ signal }, "stopping");
    await running.close();
    await store.close();
  });
  process.stdout.write(`otau listening ${running.listening}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`${formatStartupError(error)}\n`);
  process.exit(1);
});
