import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import { makeSignedSender } from "./adapters/webhooks/send-signed.ts";
import type { Stores } from "./compose-stores.ts";
import type { Config } from "./config.ts";
import type { FailPoint } from "./fail-point.ts";
import type { DeviceActions } from "./usecases/act-on-device.ts";
import type { ContentLinks } from "./usecases/content-links.ts";
import { makeDeliverByConnector } from "./usecases/deliver-by-connector.ts";

/** A platform says itself when it wants to be called again; a slip of it must not mean never. */
const retryAfterMaxMs = 30 * 86_400_000;

const graceMs = 2000;

export type ComposeConnectorDeps = {
  readonly act: DeviceActions["act"];
  readonly links: Pick<ContentLinks, "render">;
  readonly config: Pick<Config, "allowPrivateTargets">;
  readonly failPoint: FailPoint;
  readonly log: Logger;
};

/** What a worker hands values to outside platforms with. */
export function composeConnector(stores: Stores, deps: ComposeConnectorDeps) {
  const { allowPrivateTargets } = deps.config;
  const sender = makeSignedSender({ allowPrivateTargets, retryAfterMaxMs });
  const { callAll, heal, close } = makeDeliverByConnector({
    calls: stores.connectorCalls,
    devices: stores.devices,
    products: stores.products,
    settingsOf: stores.settings.settingsOf,
    act: deps.act,
    render: deps.links.render,
    send: sender.send,
    failPoint: deps.failPoint,
    log: deps.log,
  });
  return {
    callAll,
    heal,
    close: async () => {
      const over = close();
      await Promise.race([over, delay(graceMs, undefined, { ref: false })]);
      // Who has not answered by now is called again, under the same id, by the next process.
      sender.close();
      await over;
    },
  };
}
