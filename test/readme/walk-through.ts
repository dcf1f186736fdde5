import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";

const root = join(import.meta.dirname, "..", "..");
const readmePath = join(root, "README.md");
const begin = "<!-- walk-through";
const end = "<!-- end of the walk-through -->";
const mark = "::: end of step :::";
const stepPattern = /```sh\n([\s\S]*?)```\n\n```text\n([\s\S]*?)```/g;

/** Commands that a reader copies, and what stands below them as their output. */
export type Step = { readonly commands: string; readonly printed: string };

/** The steps of README.md, in order. */
export function readSteps(): readonly Step[] {
  const text = readFileSync(readmePath, "utf8");
  const part = text.slice(text.indexOf(begin), text.indexOf(end));
  return [...part.matchAll(stepPattern)].map(([, commands = "", printed = ""]) => ({ commands, printed }));
}

/** Puts what was really printed into README.md. */
export function writeOutputs(outputs: readonly string[]): void {
  let index = 0;
  const text = readFileSync(readmePath, "utf8").replace(
    stepPattern,
    (_, commands: string) => `\`\`\`sh\n${commands}\`\`\`\n\n\`\`\`text\n${outputs[index++] ?? ""}\`\`\``,
  );
  writeFileSync(readmePath, text);
}

/** What differs from run to run becomes the same: times, ids, tokens. Each keeps its width, so columns stay aligned. */
export function normalise(output: string): string {
  return output
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, "2027-01-31T02:00:00.000Z")
    .replaceAll(/\bd[0-9a-z]{15}\b/g, "d000000000000000")
    .trimEnd();
}

/**
 * Plays all steps in one shell, as a reader would, and answers what each printed. `quick`: what `npx otau` finds is
 * run at once, as npx itself takes a second each time.
 */
export async function playSteps(
  steps: readonly Step[],
  server: Server,
  { quick = false }: { readonly quick?: boolean } = {},
): Promise<readonly string[]> {
  const script = steps.map(({ commands }) => `${commands}\necho '${mark}'`).join("\n");
  const shell = spawn("bash", ["-c", `exec 2>&1\n${script}`], {
    cwd: root,
    env: {
      ...inherited(),
      ...(quick && { PATH: `${quickNpx(server.dataDir)}${delimiter}${process.env["PATH"]}` }),
      OTAU_URL: server.apiUrl,
      OTAU_DEVICE_URL: server.deviceUrl,
      OTAU_DATA_DIR: server.dataDir,
      npm_config_loglevel: "error",
      npm_config_update_notifier: "false",
    },
  });
  let printed = "";
  shell.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    printed += chunk;
  });
  await once(shell, "close");
  return printed.split(`${mark}\n`).slice(0, steps.length).map(withoutProgress);
}

/** A folder with an npx that knows `otau` alone. */
function quickNpx(folder: string): string {
  const path = join(folder, "npx");
  const { bin } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { bin: { otau: string } };
  writeFileSync(path, `#!/bin/sh\nshift\nexec "${process.execPath}" "${join(root, bin.otau)}" "$@"\n`);
  chmodSync(path, 0o755);
  return folder;
}

/** How far a simulated fleet is depends on when one looks. */
function withoutProgress(output: string): string {
  return output.replaceAll(/^\d+\/\d+ .*\n/gm, "");
}

/** A server started as `npm start` starts it, on free ports, with a data directory of its own. */
export type Server = {
  readonly apiUrl: string;
  readonly deviceUrl: string;
  readonly dataDir: string;
  readonly stop: () => Promise<void>;
};

/** Starts the server on that rung of the store's ladder and waits for its line. */
export async function startServer(rung: "own" | "trial"): Promise<Server> {
  const dataDir = mkdtempSync(join(tmpdir(), "otau-readme-"));
  const child = spawn(process.execPath, ["modules/main.ts"], {
    cwd: root,
    env: {
      ...inherited(),
      PORT: "0",
      DEVICE_HTTP_PORT: "0",
      MQTT_PORT: "0",
      OTAU_STORE: rung,
      OTAU_DATA_DIR: dataDir,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const stop = async () => {
    await endChild(child);
    rmSync(dataDir, { recursive: true, force: true });
  };
  try {
    const line = await listeningLine(child);
    return { apiUrl: addressIn(line, "api"), deviceUrl: addressIn(line, "device"), dataDir, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  await once(child, "exit");
}

async function listeningLine(child: ChildProcess): Promise<string> {
  let complaint = "";
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    complaint += chunk;
  });
  if (child.stdout === null) throw new Error("the server has no output to read");
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith("otau listening ")) return line;
  }
  throw new Error(`the server ended before it listened: ${complaint}`);
}

function addressIn(line: string, name: string): string {
  const address = new RegExp(`\\b${name}=(\\S+)`).exec(line)?.[1];
  if (address === undefined) throw new Error(`no ${name} in "${line}"`);
  return address;
}

/** Settings of the one who runs the tests are none of the walk-through's business. */
function inherited(): Record<string, string | undefined> {
  const foreign = /^(OTAU_|REDIS_URL|NODE_ENV|NODE_OPTIONS|VITEST|LOG_LEVEL|HOST$|PORT$|DEVICE_|MQTTS?_PORT)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}
