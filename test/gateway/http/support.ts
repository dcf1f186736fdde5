import {
  createDeviceHttpServer,
  type DeviceHttpLimits,
  type DeviceHttpServer,
} from "../../../modules/gateway/http/device-http-server.ts";
import { silentLogger } from "../../../modules/logger.ts";
import { createFakeAccess, type FakeAccess } from "../support/fake-access.ts";

export const token = "0123456789abcdef0123456789abcdef01234567";
export const nowMs = 1_800_000_000_000;

export type Listener = {
  readonly access: FakeAccess;
  readonly server: DeviceHttpServer;
  readonly port: number;
  readonly url: string;
};

/** A listener with one device, `gw-1`, that has a token. */
export async function openListener(limits: Partial<DeviceHttpLimits> = {}): Promise<Listener> {
  const access = createFakeAccess();
  access.addDevice("gw-1", token);
  const server = createDeviceHttpServer({
    access,
    log: silentLogger,
    defaultProduct: "default",
    now: () => nowMs,
    limits,
  });
  const { port } = await server.listen(0, "127.0.0.1");
  return { access, server, port, url: `http://127.0.0.1:${port}` };
}
