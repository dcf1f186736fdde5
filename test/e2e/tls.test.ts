import { once } from "node:events";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import https from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { connectAsync } from "mqtt";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { startApp, type TestApp } from "../support/app.ts";
import { makeCertificate } from "../support/certificates.ts";

const first = makeCertificate(["localhost", "acme.example"]);
const second = makeCertificate();
let folder: string;
let app: TestApp;
let ports: Record<string, number>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "otau-tls-"));
  writeFileSync(join(folder, "cert.pem"), first.cert);
  writeFileSync(join(folder, "key.pem"), first.key);
  app = await startApp({
    env: {
      DEVICE_TLS_CERT: join(folder, "cert.pem"),
      DEVICE_TLS_KEY: join(folder, "key.pem"),
      DEVICE_TLS_PORT: "0",
      MQTTS_PORT: "0",
    },
  });
  ports = Object.fromEntries(
    [...app.listening.matchAll(/(\w+)=\w+:\/\/[^:]+:(\d+)/g)].map(([, name, port]) => [name, Number(port)]),
  );
});
afterAll(async () => {
  await app.close();
  rmSync(folder, { recursive: true, force: true });
});

async function get(
  path: string,
  { ca, host = "localhost", token = "" }: { ca: string; host?: string; token?: string },
) {
  const request = https.get({
    host: "127.0.0.1",
    port: ports["devices"],
    path,
    ca,
    servername: host,
    agent: false,
    headers: { host, ...(token === "" ? {} : { "x-exosite-cik": token }) },
  });
  const [response] = (await once(request, "response")) as [import("node:http").IncomingMessage];
  let body = "";
  for await (const chunk of response) body += String(chunk);
  return { status: response.statusCode, body };
}

/** The certificate that a listener shows. */
async function shown(port: number | undefined): Promise<string> {
  const socket = connectTls({
    port: port ?? 0,
    host: "127.0.0.1",
    rejectUnauthorized: false,
    servername: "localhost",
  });
  await once(socket, "secureConnect");
  const { raw } = socket.getPeerCertificate();
  socket.destroy();
  return raw.toString("base64");
}

describe("device listeners with TLS", () => {
  it("speak the device API, the product named by the host", async () => {
    await app.call("PUT", "/products/acme", {});
    await app.call("PUT", "/products/acme/devices/gw-1", {});
    expect(await get("/timestamp", { ca: first.cert })).toMatchObject({ status: 200 });
    const anonymous = await connectAsync(`mqtts://127.0.0.1:${ports["mqtts"]}`, {
      ca: first.cert,
      servername: "acme.example",
      username: "",
      password: "",
    });
    const token = new Promise<string>((resolve) => {
      anonymous.once("message", (_topic, payload) => resolve(payload.toString()));
    });
    await anonymous.publishAsync("$provision/gw-1", "", { qos: 1 });
    const read = await get("/onep:v1/stack/alias?config_otau", { ca: first.cert, token: await token });
    expect(read.status).toBe(204);
    await anonymous.endAsync(true);
  });

  it("take up a renewed certificate, and keep the old one while the files do not fit together", async () => {
    const before = await shown(ports["devices"]);
    renameInto("cert.pem", second.cert);
    await expect(get("/timestamp", { ca: second.cert })).rejects.toThrow();
    expect(await shown(ports["devices"])).toBe(before);
    renameInto("key.pem", second.key);
    await vi.waitFor(
      async () => {
        expect(await shown(ports["devices"])).not.toBe(before);
        expect(await shown(ports["mqtts"])).toBe(await shown(ports["devices"]));
      },
      { timeout: 8000, interval: 200 },
    );
    expect(await get("/timestamp", { ca: second.cert })).toMatchObject({ status: 200 });
  });

  it("do not open with a certificate and a key that do not fit, and say so", async () => {
    const env = {
      DEVICE_TLS_CERT: first.cert,
      DEVICE_TLS_KEY: second.key,
      DEVICE_TLS_PORT: "0",
      MQTTS_PORT: "0",
    };
    await expect(startApp({ env, on: app })).rejects.toThrow(
      /DEVICE_TLS_CERT and DEVICE_TLS_KEY cannot be used/,
    );
  });
});

/** As certificate tools do it. */
function renameInto(name: string, text: string): void {
  writeFileSync(join(folder, `${name}.new`), text);
  renameSync(join(folder, `${name}.new`), join(folder, name));
}
