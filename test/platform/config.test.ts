import { beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { makeConfig } from "../../modules/platform/config-service.ts";
import { failureOf, log, useServices } from "./support.ts";

const bench = useServices();
let told: unknown[] = [];

const services = {
  device2: { events: ["data_in"], config: z.strictObject({ topic: z.string(), limit: z.int().default(1) }) },
  timer: { events: ["timer"] },
  config: { events: ["service"] },
  interface: { events: ["event"] },
};

function openConfig() {
  const { overrides, app } = bench();
  return makeConfig({
    configs: new Map([["device2", { topic: "a", limit: 1 }]]),
    services,
    handlers: [{ service: "config", event: "service" }],
    overrides,
    solution: { name: "otau", version: "1.2.3" },
    productIds: app.stores.products.ids,
    emit: async (...event) => void told.push(event),
    log,
  });
}

beforeEach(async () => {
  told = [];
  await bench().app.redis.client.del("otau:{config}:parameters");
});

describe("Config", () => {
  it("gives what the file of a service says, and over it what scripts set", async () => {
    const config = openConfig();
    expect(await config.getParameters({ service: "device2" })).toEqual({
      service: "device2",
      parameters: { topic: "a", limit: 1 },
    });
    expect(await config.setParameters({ service: "device2", parameters: { limit: 5 } })).toMatchObject({
      status: 204,
    });
    expect(await openConfig().getParameters({ service: "device2" })).toMatchObject({
      parameters: { topic: "a", limit: 5 },
    });
    expect(told).toEqual([["config", "service", { service: { service: "device2", action: "updated" } }]]);
  });

  it("loses no parameter when two scripts set at once", async () => {
    const config = openConfig();
    await Promise.all([
      config.setParameters({ service: "device2", parameters: { limit: 7 } }),
      config.setParameters({ service: "device2", parameters: { topic: "b" } }),
    ]);
    expect(await config.getParameters({ service: "device2" })).toMatchObject({
      parameters: { topic: "b", limit: 7 },
    });
  });

  it("refuses unknown services with 404 and unfit parameters with 400, changing nothing", async () => {
    const config = openConfig();
    for (const service of ["nothing", "__proto__", "constructor"]) {
      expect(failureOf(await config.getParameters({ service }))).toMatchObject({ status: 404 });
    }
    const wrong = [
      await config.setParameters({ service: "device2", parameters: { limit: "many" } }),
      await config.setParameters({ service: "device2", parameters: { other: 1 } }),
      await config.setParameters({ service: "timer", parameters: { any: 1 } }),
      await config.setParameters({ service: "device2", parameters: [] as never }),
      await config.getParameters(undefined as never),
    ];
    for (const result of wrong) expect(failureOf(result)).toMatchObject({ status: 400, said: { code: 400 } });
    expect(told).toEqual([]);
    expect(await config.getParameters({ service: "device2" })).toMatchObject({ parameters: { limit: 1 } });
  });

  it("names the services, the solution and what it uses", async () => {
    const config = openConfig();
    expect(await config.listServices()).toMatchObject([{ service: "device2" }, { service: "config" }]);
    expect(await config.listServices({ type: "available" })).toHaveLength(4);
    expect(await config.solution()).toEqual({
      id: "otau",
      name: "otau",
      version: "1.2.3",
      products: ["default"],
    });
    expect(await config.usage()).toEqual({
      device2: { service: "device2", handlers: [] },
      config: { service: "config", handlers: ["service"] },
    });
  });
});
