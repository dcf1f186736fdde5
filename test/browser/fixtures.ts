import { runFleet } from "../../modules/simulator/fleet.ts";
import type { DeviceProfile } from "../../modules/simulator/profiles.ts";
import type { TestApp } from "../support/app.ts";

const product = "/products/default";

/** The id of the package that {@link registerPackage} registers. */
export const packageId = "package_acme_iotgw1_1-0-1.json";

/** Registers a valid package. */
export async function registerPackage(app: TestApp): Promise<void> {
  const config = { version: "1.0.1", name: "Gateway 1.0.1", type: "JSON", payload: { channel: "beta" } };
  await app.call("PUT", `${product}/packages/${packageId}`, {
    otau_info: { vendor: "acme", product: "iotgw1", config_otau: config },
  });
}

/** Applies it to all devices; answers the deployment's id. */
export async function applyPackage(app: TestApp, options: object = {}): Promise<string> {
  const { body } = await app.call<{ readonly deployment: { readonly id: string } }>(
    "POST",
    `${product}/packages/${packageId}/apply`,
    { target: { all: true }, options },
  );
  return body.deployment.id;
}

/** Registers devices that never speak. */
export async function registerDevices(app: TestApp, count: number): Promise<void> {
  const devices = Array.from({ length: count }, (_, index) => ({
    identity: `gw-${String(index + 1).padStart(4, "0")}`,
    installedVersion: "1.0.0",
    tags: { site: index % 2 === 0 ? "berlin" : "oslo" },
  }));
  await app.call("POST", `${product}/devices`, devices);
}

/** Runs devices until the returned function is called. */
export function startDevices(
  app: TestApp,
  { count = 1, profile = "good" as DeviceProfile | "mixed", stepDelayMs = 30 } = {},
): () => Promise<void> {
  const stop = new AbortController();
  const running = runFleet({
    apiUrl: app.apiUrl ?? "",
    token: app.token,
    productId: "default",
    deviceUrl: app.deviceUrl ?? "",
    count,
    profile,
    prefix: "gw-",
    installedVersion: "1.0.0",
    stepDelayMs,
    signal: stop.signal,
  });
  return async () => {
    stop.abort();
    await running;
  };
}
