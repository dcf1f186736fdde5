import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { LoadAnswer, LoadOrder } from "./connections-load.ts";

/**
 * Held connections: their memory in the listening process, for MQTT beside the bare broker library, and how long one
 * apply to all of them takes to arrive. Server, devices and Redis share the machine. Needs as many open files per
 * process as there are connections, and some more: `ulimit -n`.
 *
 * node bench/connections.ts [MQTT connections] [long polls]
 */
const mqttCount = Number(process.argv[2] ?? 10_000);
const pollCount = Number(process.argv[3] ?? 2_000);
const arrivalLimitMs = 120_000;
const dataDir = mkdtempSync(join(tmpdir(), "otau-connections-"));

/** Lets another process collect its garbage on a signal, so that what is read is what it holds. */
const collector = `import { setFlagsFromString } from "node:v8"; import { runInNewContext } from "node:vm";
setFlagsFromString("--expose-gc"); const gc = runInNewContext("gc"); process.on("SIGWINCH", () => gc());`;
const withCollector = ["--import", `data:text/javascript,${encodeURIComponent(collector)}`];

async function startProgram(script: string, env: Readonly<Record<string, string>>, ready: RegExp) {
  const child = spawn(process.execPath, [...withCollector, join(import.meta.dirname, script)], {
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, ...env },
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  for (let waited = 0; !ready.test(output) && waited < 600; waited++) await delay(50);
  return { child, output };
}

/** Resident memory after a collection, once it stands still. */
async function residentBytes({ pid }: ChildProcess): Promise<number> {
  let last = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 20; round++) {
    process.kill(pid ?? 0, "SIGWINCH");
    await delay(1000);
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const bytes = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
    if (Math.abs(bytes - last) < 1_048_576 && round > 3) return bytes;
    last = bytes;
  }
  return last;
}

function startLoad() {
  const child = fork(join(import.meta.dirname, "connections-load.ts"));
  return {
    ask: async (order: LoadOrder): Promise<LoadAnswer> => {
      child.send(order);
      const [answer] = (await once(child, "message")) as [LoadAnswer];
      return answer;
    },
    close: () => child.kill("SIGKILL"),
  };
}

async function stop(child: ChildProcess): Promise<void> {
  child.kill("SIGTERM");
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}

const kib = (bytes: number): string => `${(bytes / 1024).toFixed(1)} KiB`;
const portOf = (output: string, name: string): number =>
  Number(new RegExp(`${name}=\\S*?:(\\d+)\\D*$`, "m").exec(output.replaceAll(" ", "\n"))?.[1]);

/** Bytes that each idle connection costs the broker library alone. */
async function measureBare(): Promise<number> {
  const { child, output } = await startProgram("connections-bare.ts", {}, /mqtt=/);
  const load = startLoad();
  try {
    const port = Number(/"port":(\d+)/.exec(output)?.[1]);
    const before = await residentBytes(child);
    const { open } = await load.ask({ kind: "bare", port, count: mqttCount });
    return ((await residentBytes(child)) - before) / open;
  } finally {
    load.close();
    await stop(child);
  }
}

async function call<Body>(apiUrl: string, method: string, path: string, body: unknown): Promise<Body> {
  const token = readFileSync(join(dataDir, "admin-token"), "utf8").trim();
  const reply = await fetch(`${apiUrl}/api/v1/products/default${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await reply.text();
  if (!reply.ok) throw new Error(`${method} ${path} was answered ${reply.status}: ${text}`);
  return JSON.parse(text) as Body;
}

/** Registers devices; their tokens, in order. */
async function registerDevices(apiUrl: string, prefix: string, count: number): Promise<string[]> {
  const tokens: string[] = [];
  for (let at = 0; at < count; at += 5000) {
    const length = Math.min(5000, count - at);
    const devices = Array.from({ length }, (_, index) => ({ identity: `${prefix}-${at + index}` }));
    const reply = await call<{ tokens: Record<string, string> }>(
      apiUrl,
      "POST",
      "/devices?tokens=true",
      devices,
    );
    for (const { identity } of devices) tokens.push(reply.tokens[identity] ?? "");
  }
  return tokens;
}

function rowOf(name: string, times: readonly number[], from: number): string {
  const sorted = times.map((time) => time - from).toSorted((a, b) => a - b);
  const at = (share: number) =>
    `${Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0)} ms`.padStart(
      9,
    );
  return `${name.padEnd(20)} ${String(sorted.length).padStart(9)} ${at(0)} ${at(0.5)} ${at(0.99)} ${at(1)}`;
}

const ports = { PORT: "0", DEVICE_HTTP_PORT: "0", MQTT_PORT: "0" };
const startServer = () =>
  startProgram(
    "../modules/main.ts",
    { ...ports, OTAU_DATA_DIR: dataDir, LOG_LEVEL: "warn" },
    /otau listening .*\n/,
  );
const apiUrlOf = (output: string): string => /api=(\S+)/.exec(output)?.[1] ?? "";

/** Puts the devices and a package into the store. */
async function prepare() {
  const { child, output } = await startServer();
  try {
    const apiUrl = apiUrlOf(output);
    const mqttTokens = await registerDevices(apiUrl, "mqtt", mqttCount);
    const pollTokens = await registerDevices(apiUrl, "poll", pollCount);
    const config = { version: "2.0.0", name: "bench", type: "JSON", payload: {} };
    await call(apiUrl, "PUT", "/packages/package_bench", { otau_info: { config_otau: config } });
    return { mqttTokens, pollTokens };
  } finally {
    await stop(child);
  }
}

async function main(): Promise<void> {
  const bare = await measureBare();
  const { mqttTokens, pollTokens } = await prepare();
  // A process of its own again: what registering left in the heap would hide what connections take.
  const { child, output } = await startServer();
  const load = startLoad();
  try {
    const apiUrl = apiUrlOf(output);
    const atRest = await residentBytes(child);
    const began = performance.now();
    const connected = await load.ask({ kind: "mqtt", port: portOf(output, "mqtt"), tokens: mqttTokens });
    const connectingMs = performance.now() - began;
    const withMqtt = await residentBytes(child);
    const polling = await load.ask({ kind: "polls", port: portOf(output, "device"), tokens: pollTokens });
    const withPolls = await residentBytes(child);
    const appliedAt = performance.timeOrigin + performance.now();
    await call(apiUrl, "POST", "/packages/package_bench/apply", { target: { all: true } });
    const acceptedMs = performance.timeOrigin + performance.now() - appliedAt;
    let found = polling;
    const limit = performance.now() + arrivalLimitMs;
    while (found.mqtt.length + found.polls.length < mqttCount + pollCount && performance.now() < limit) {
      await delay(250);
      found = await load.ask({ kind: "arrivals" });
    }
    const perMqtt = (withMqtt - atRest) / connected.open;
    console.log(`server at rest          ${kib(atRest)}`);
    console.log(
      `${connected.open} MQTT connections  ${kib(perMqtt)} each, opened in ${Math.round(connectingMs)} ms`,
    );
    console.log(`  bare broker library   ${kib(bare)} each; ratio ${(perMqtt / bare).toFixed(2)} (goal 1.5)`);
    console.log(
      `${polling.open - connected.open} long polls        ${kib((withPolls - withMqtt) / pollCount)} each`,
    );
    console.log(
      `apply to all accepted after ${Math.round(acceptedMs)} ms; arrival counted from its request:`,
    );
    console.log(`${"".padEnd(20)}   arrived     first       p50       p99      last`);
    console.log(rowOf(`MQTT of ${mqttCount}`, found.mqtt, appliedAt));
    console.log(rowOf(`polls of ${pollCount}`, found.polls, appliedAt));
    console.log(
      `lost connections ${found.failed}, values twice ${found.surplus}, wrong ${found.wrong} ${found.faults.join("; ")}`,
    );
  } finally {
    load.close();
    await stop(child);
    rmSync(dataDir, { recursive: true, force: true });
  }
}

await main();
