import { afterEach, beforeEach, expect, it } from "vitest";
import { createDevice } from "../../modules/simulator/device.ts";
import { type Listener, openListener } from "../gateway/mqtt/support.ts";

let listener: Listener;

beforeEach(async () => {
  listener = await openListener();
});

afterEach(async () => {
  await listener.server.close(0);
});

const config = JSON.stringify({ version: "2.0.0", name: "n", type: "JSON", payload: {} });

it("a scripted device activates, takes a value and reports by MQTT as well", async () => {
  listener.access.addDevice("d1");
  const stop = new AbortController();
  const device = createDevice({
    deviceUrl: `mqtt://127.0.0.1:${listener.port}`,
    identity: "d1",
    profile: "wrong-clock",
    stepDelayMs: 0,
    onChange: (stand) => {
      if (stand === "idle") listener.access.set("d1", "config_otau", config, 1_700_000_000_000_000);
      if (stand === "succeeded") stop.abort();
    },
  });
  await device.run(stop.signal);
  const values = listener.access.written.map(({ entry }) => entry.values);
  expect(values[1]).toEqual({ config_otau: config });
  expect(values.at(-1)).toEqual({ otau_in: '{"version":"2.0.0","status":"INSTALLED_VERSION"}' });
});

it("a device with a wrong token is refused", async () => {
  const device = createDevice({
    deviceUrl: `mqtt://127.0.0.1:${listener.port}`,
    identity: "gw-1",
    token: "0".repeat(40),
  });
  await device.run(new AbortController().signal);
  expect(device.stand()).toBe("refused");
});

it("a device that is unknown is not activated", async () => {
  const device = createDevice({ deviceUrl: `mqtt://127.0.0.1:${listener.port}`, identity: "nobody" });
  await device.run(new AbortController().signal);
  expect(device.stand()).toBe("refused");
});
