import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const main = join(import.meta.dirname, "..", "..", "modules", "main.ts");

/** The program as a process of its own, which a test may kill at any time. */
export type RealServer = {
  readonly apiUrl: string;
  readonly deviceUrl: string;
  readonly mqttUrl: string;
  readonly child: ChildProcess;
  /** Resolves when the process has ended, however it did. */
  readonly ended: Promise<unknown>;
};

export type RealServerOptions = {
  readonly dataDir: string;
  readonly failPoint?: string;
  readonly env?: Readonly<Record<string, string>>;
};

/** Starts it on free ports and waits for the line that says where it listens. */
export async function startRealServer({
  dataDir,
  failPoint,
  env = {},
}: RealServerOptions): Promise<RealServer> {
  const child = spawn(process.execPath, [main], {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      NODE_ENV: "test",
      PORT: "0",
      DEVICE_HTTP_PORT: "0",
      MQTT_PORT: "0",
      LOG_LEVEL: "warn",
      OTAU_DATA_DIR: dataDir,
      ...(failPoint === undefined ? {} : { TEST_FAIL_POINT: failPoint }),
      ...env,
    },
  });
  const ended = once(child, "exit");
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-4000);
  });
  const deadline = performance.now() + 20_000;
  while (!output.includes("otau listening") && child.exitCode === null && child.signalCode === null) {
    if (performance.now() > deadline) throw new Error(`the server did not listen within 20 s: ${errors}`);
    await delay(20);
  }
  const urlOf = (name: string) => new RegExp(` ${name}=(\\S+)`).exec(output)?.[1];
  const [apiUrl, deviceUrl, mqttUrl] = ["api", "device", "mqtt"].map(urlOf);
  if (apiUrl === undefined || deviceUrl === undefined || mqttUrl === undefined)
    throw new Error(`no listening line: ${errors}`);
  return { apiUrl, deviceUrl, mqttUrl, child, ended };
}

/** Its token, as the first start left it in the data directory. */
export const adminTokenOf = (dataDir: string): string =>
  readFileSync(join(dataDir, "admin-token"), "utf8").trim();

/** Asks it to stop, and waits until it has. */
export async function stopRealServer({ child, ended }: RealServer): Promise<void> {
  child.kill("SIGTERM");
  await ended;
}
