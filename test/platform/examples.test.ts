import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { TestClock } from "../../modules/adapters/redis/clock.ts";
import { startApp, type TestApp } from "../support/app.ts";

const projectRoot = join(import.meta.dirname, "..", "..");
const folders: string[] = [];

/** A copy of the solution with the examples in the places that they name. */
function solutionWith(examples: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), "otau-solution-"));
  folders.push(root);
  for (const part of ["solution.yaml", "endpoints", "services"]) {
    cpSync(join(projectRoot, part), join(root, part), { recursive: true });
  }
  for (const part of ["modules", "node_modules", "package.json"]) {
    symlinkSync(join(projectRoot, part), join(root, part));
  }
  for (const [from, to] of Object.entries(examples)) {
    mkdirSync(dirname(join(root, to)), { recursive: true });
    cpSync(join(projectRoot, "examples", from), join(root, to));
  }
  return root;
}

let store: TestApp;
const start = (root: string) => startApp({ on: store, root, testClock: true });

beforeAll(async () => {
  // Holds the store while programs come and go; it does no work that they should do.
  store = await startApp({ testClock: true, env: { OTAU_ROLES: "api" } });
});

afterAll(async () => {
  await store.close();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

describe("the examples", () => {
  it("serve a new endpoint, in the OpenAPI document too, by the rules of all endpoints", async () => {
    const root = solutionWith({ "sites.devices.ts": "endpoints/sites.devices.ts" });
    await using app = await start(root);
    await app.call("PUT", "/products/default/devices/s-1", { tags: { site: "berlin" } });
    await app.call("PUT", "/products/default/devices/s-2", { tags: { site: "paris" } });
    const path = "/products/default/sites/berlin/devices";
    const reply = await app.call("GET", path);
    expect(reply).toMatchObject({
      status: 200,
      body: { devices: [{ identity: "s-1", online: false }], mayLoadMore: false },
    });
    expect((await app.call("GET", path, undefined, { token: null })).status).toBe(401);
    expect((await app.call("GET", "/products/nothing/sites/x/devices")).status).toBe(404);
    const document = await app.call<{ paths: Record<string, { get?: { operationId: string } }> }>(
      "GET",
      "//openapi.json",
    );
    const paths = document.body.paths["/api/v1/products/{productId}/sites/{site}/devices"];
    expect(paths?.get?.operationId).toBe("sites.devices");
  });

  it("handle an event with the services of the product it is about", async () => {
    const root = solutionWith({ "device2/provisioned.ts": "services/device2/provisioned.ts" });
    await using app = await start(root);
    await app.call("PUT", "/products/lamps", {});
    await app.call("PUT", "/products/lamps/devices/l-1", {});
    const ref = { productId: "lamps", identity: "l-1" };
    expect(await app.access.activate(ref, { ip: "127.0.0.1", protocol: "http" })).toMatchObject({
      outcome: "activated",
    });
    const device = await app.call<{ tags: { activated: string } }>("GET", "/products/lamps/devices/l-1");
    const day = device.body.tags.activated;
    expect(day).toMatch(/^\d{4}-\d\d-\d\d$/);
    expect((await app.call("GET", "/products/lamps/devices/l-1/state")).body).toMatchObject({
      greeting: { set: "welcome l-1" },
    });
    expect(await app.stores.keystore.get(`activated.${day}`)).toBe("1");
  });

  it("hear a timer that was set before a restart, on the product that set it", async () => {
    const root = solutionWith({
      "devices.remind.ts": "endpoints/devices.remind.ts",
      "timer/timer.ts": "services/timer/timer.ts",
    });
    const first = await start(root);
    await first.call("PUT", "/products/pumps", {});
    await first.call("PUT", "/products/pumps/devices/p-1", {});
    const reminded = await first.call("POST", "/products/pumps/devices/p-1/remind", {
      text: "oil",
      afterMs: 3_600_000,
    });
    expect(reminded).toMatchObject({ status: 200, body: { timerId: "remind/pumps/p-1" } });
    await first.close();

    await (store.stores.clock as TestClock).advance(3_600_000);
    await using again = await start(root);
    await vi.waitFor(
      async () => {
        const { body } = await again.call("GET", "/products/pumps/devices/p-1/state");
        expect(body).toMatchObject({ reminder: { set: "oil" } });
      },
      { timeout: 10_000, interval: 50 },
    );
  });
});
