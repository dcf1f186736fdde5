import { z } from "zod";
import { eventHandler } from "../../modules/app.ts";

/**
 * An event handler: a device that activates itself is tagged, greeted and counted. Copy it over
 * `services/device2/provisioned.ts`: an event has one handler.
 */
export default eventHandler({
  payload: z.looseObject({ identity: z.string(), timestamp: z.number() }),

  handle: async ({ identity, timestamp }, { Device2, Keystore, log }) => {
    const day = new Date(timestamp / 1000).toISOString().slice(0, 10);
    const tagged = await Device2.addIdentityTag({ identity, tags: [{ name: "activated", value: day }] });
    // Services never throw. What this handler throws would refuse the activation itself.
    if (tagged.error !== undefined) log.warn({ identity, error: tagged.error }, "device not tagged");
    await Device2.setIdentityState({ identity, greeting: `welcome ${identity}` });
    await Keystore.command({ key: `activated.${day}`, command: "incrby", args: [1] });
  },
});
