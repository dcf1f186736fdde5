import { randomBytes } from "node:crypto";
import type { Logger } from "pino";
import { makeSignedSender } from "./adapters/webhooks/send-signed.ts";
import type { Stores } from "./compose-stores.ts";
import type { Config } from "./config.ts";
import { makeDeliverWebhooks } from "./usecases/deliver-webhooks.ts";

/** What a worker carries events to webhooks with. */
export function composeWebhooks(
  stores: Stores,
  { allowPrivateTargets }: Pick<Config, "allowPrivateTargets">,
  log: Logger,
) {
  const sender = makeSignedSender({ allowPrivateTargets });
  const { deliverAll, close } = makeDeliverWebhooks({
    webhooks: stores.webhooks,
    journal: stores.archive,
    leases: stores.leases,
    send: sender.send,
    now: stores.clock.roughNow,
    random: Math.random,
    holder: `${process.pid}.${randomBytes(6).toString("hex")}`,
    log,
  });
  return {
    deliverAll,
    close: async () => {
      await close();
      sender.close();
    },
  };
}
