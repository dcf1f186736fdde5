import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { CliError } from "../cli/cli-error.ts";

/** A server of the demo's own, on data that go with it. */
export type DemoServer = AsyncDisposable & {
  readonly apiUrl: string;
  readonly deviceUrl: string;
  readonly token: string;
};

type Environment = Readonly<Record<string, string | undefined>>;

const program = fileURLToPath(new URL("../main.ts", import.meta.url));
/** What a person finds by itself, while nobody else has it. */
const usualPorts = { PORT: 8080, DEVICE_HTTP_PORT: 8081, MQTT_PORT: 1883 };

/** Starts it: never on the data, the Redis or the settings of a real one. */
export async function startDemoServer(env: Environment): Promise<DemoServer> {
  const dataDir = mkdtempSync(join(tmpdir(), "otau-demo-"));
  const child = spawn(process.execPath, [program], {
    env: { ...foreignSettings(env), ...(await findPorts()), OTAU_DATA_DIR: dataDir, LOG_LEVEL: "error" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const dispose = async (): Promise<void> => {
    await stop(child);
    rmSync(dataDir, { recursive: true, force: true });
  };
  try {
    const { api, device } = await readAddresses(child);
    const token = readFileSync(join(dataDir, "admin-token"), "utf8").trim();
    return { apiUrl: api, deviceUrl: device, token, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** What the server reads is left to its defaults, but for how it gets a store. */
function foreignSettings(env: Environment): Environment {
  const kept = ["OTAU_STORE", "OTAU_NO_FETCH"];
  const ours = /^(OTAU_|DEVICE_|MQTT|REDIS_URL|HOST$|PORT$|NODE_ENV$|TEST_)/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => kept.includes(name) || !ours.test(name)));
}

async function findPorts(): Promise<Record<string, string>> {
  const found = await Promise.all(
    Object.entries(usualPorts).map(async ([name, port]) => [name, (await isFree(port)) ? `${port}` : "0"]),
  );
  return Object.fromEntries(found);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}

async function readAddresses(
  child: ChildProcess,
): Promise<{ readonly api: string; readonly device: string }> {
  if (child.stdout === null) throw new CliError("the server's output cannot be read");
  for await (const line of createInterface({ input: child.stdout })) {
    const api = /\bapi=(\S+)/.exec(line)?.[1];
    const device = /\bdevice=(\S+)/.exec(line)?.[1];
    if (api === undefined || device === undefined) continue;
    // Whatever it says later must not fill the pipe.
    child.stdout.resume();
    return { api, device };
  }
  throw new CliError("the demo's server did not start", { hint: "See above why, then try again." });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await ended;
}
