import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadConfig } from "../modules/config.ts";

const refusal = (env: Record<string, string>): string => {
  try {
    loadConfig(env);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("the settings were accepted");
};

describe("loadConfig", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "otau-config-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("gives the documented defaults for an empty environment", () => {
    const config = loadConfig({});
    expect(config).toMatchObject({
      host: "127.0.0.1",
      port: 8080,
      deviceHost: "127.0.0.1",
      deviceHttpPort: 8081,
      mqttPort: 1883,
      deviceTlsPort: 8443,
      mqttsPort: 8883,
      roles: ["api", "gateway", "worker"],
      defaultProduct: "default",
      allowHttpPayload: false,
      extraTypes: [],
      allowPrivateTargets: true,
      opensPlainDevice: true,
      logLevel: "info",
      durability: undefined,
    });
    expect(Object.isFrozen(config)).toBe(true);
  });

  it("names every bad setting at once, with its value and the mend", () => {
    const message = refusal({ PORT: "70000", LOG_LEVEL: "loud", OTAU_STORE: "disk", OTAU_ROLES: "api,boss" });
    expect(message).toContain("4 settings are not right");
    expect(message).toContain("PORT=70000 must be a whole number from 0");
    expect(message).toContain("LOG_LEVEL=loud must be one of fatal");
    expect(message).toContain("OTAU_STORE=disk must be one of external, own, trial");
    expect(message).toContain("OTAU_ROLES=api,boss must be one of api, gateway, worker");
  });

  it.each(["-1", "1.5", "80a", " 80", "65536", "0x50"])("refuses the port %j", (port) => {
    expect(refusal({ PORT: port })).toContain("must be a whole number");
  });

  it("takes port 0 for every listener", () => {
    expect(loadConfig({ PORT: "0", DEVICE_HTTP_PORT: "0", MQTT_PORT: "0" })).toMatchObject({
      port: 0,
      mqttPort: 0,
    });
  });

  it("refuses one port for two listeners", () => {
    expect(refusal({ MQTT_PORT: "8080" })).toContain("MQTT_PORT=8080 is PORT too");
  });

  it("refuses a misspelt name and guesses the right one", () => {
    expect(refusal({ OTAU_DATADIR: "x" })).toContain(
      "OTAU_DATADIR is no setting, do you mean OTAU_DATA_DIR?",
    );
  });

  it("passes over the names of the command line", () => {
    expect(() => loadConfig({ OTAU_URL: "http://x", OTAU_TOKEN: "y", OTAU_PRODUCT: "z" })).not.toThrow();
  });

  it("counts an empty value as not set", () => {
    expect(loadConfig({ PORT: "", REDIS_URL: "" })).toMatchObject({ port: 8080, redisUrl: undefined });
  });

  it("refuses an admin token shorter than 32 characters without showing it", () => {
    const message = refusal({ OTAU_ADMIN_TOKEN: "only-a-short-one" });
    expect(message).toContain("at least 32 characters");
    expect(message).not.toContain("only-a-short-one");
  });

  it("reads a secret out of the file that NAME_FILE names", () => {
    const path = join(folder, "token");
    writeFileSync(path, `${"t".repeat(40)}\n`);
    expect(loadConfig({ OTAU_ADMIN_TOKEN_FILE: path }).adminToken).toBe("t".repeat(40));
    expect(refusal({ OTAU_ADMIN_TOKEN_FILE: path, OTAU_ADMIN_TOKEN: "u".repeat(40) })).toContain("both set");
    expect(refusal({ OTAU_ADMIN_TOKEN_FILE: join(folder, "none") })).toContain("cannot be read (ENOENT)");
    expect(refusal({ OTAU_DATA_DIR_FILE: path })).toContain("OTAU_DATA_DIR_FILE is no setting");
  });

  it("wants a shared store for a part of the roles", () => {
    expect(refusal({ OTAU_ROLES: "api" })).toContain("set REDIS_URL");
    expect(loadConfig({ OTAU_ROLES: "api,worker", REDIS_URL: "redis://db:6379" }).roles).toEqual([
      "api",
      "worker",
    ]);
  });

  it("wants plain device listeners off loopback to be allowed in words", () => {
    expect(refusal({ HOST: "0.0.0.0" })).toContain("DEVICE_PLAIN=true");
    expect(refusal({ DEVICE_HOST: "::" })).toContain("DEVICE_HOST=:: is not loopback");
    expect(loadConfig({ DEVICE_HOST: "0.0.0.0", DEVICE_PLAIN: "true" }).opensPlainDevice).toBe(true);
    expect(loadConfig({ HOST: "0.0.0.0", DEVICE_HOST: "127.0.0.1" }).allowPrivateTargets).toBe(false);
    expect(loadConfig({ HOST: "127.0.0.2" }).opensPlainDevice).toBe(true);
  });

  it("opens TLS listeners alone off loopback where a certificate is set", () => {
    const pem = "-----BEGIN CERTIFICATE-----\n";
    const config = loadConfig({ DEVICE_HOST: "0.0.0.0", DEVICE_TLS_CERT: pem, DEVICE_TLS_KEY: pem });
    expect(config).toMatchObject({ opensPlainDevice: false, deviceTls: { cert: pem, key: pem } });
    expect(refusal({ DEVICE_TLS_CERT: pem })).toContain("belong together");
    expect(refusal({ DEVICE_TLS_CERT: pem, DEVICE_TLS_KEY: join(folder, "none") })).toContain(
      "DEVICE_TLS_KEY names a file",
    );
  });

  it("refuses the trial store in production, and a durability it cannot give", () => {
    expect(refusal({ OTAU_STORE: "trial", NODE_ENV: "production" })).toContain(
      "refused under NODE_ENV=production",
    );
    expect(refusal({ OTAU_STORE: "trial", OTAU_DURABILITY: "always" })).toContain("would be a lie");
    expect(refusal({ OTAU_STORE: "external" })).toContain("needs REDIS_URL");
  });

  it("never shows the address of the store, it may hold a password", () => {
    expect(refusal({ REDIS_URL: "http://user:hunter2@db" })).not.toContain("hunter2");
  });
});
