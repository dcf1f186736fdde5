import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";
import { fetchedRedisDir } from "../../support/test-server.ts";

/** What the parent printed: where its store listens, or why it refused. */
export type ParentLine =
  | { readonly rung: string; readonly address: { readonly socketPath: string }; readonly refused?: undefined }
  | { readonly refused: string };

/** Another process that opened a store on `dataDir`. */
export type Parent = { readonly line: ParentLine; readonly kill: () => Promise<void> };

const ended = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once("exit", () => resolve());
  });

/** Starts a parent; it is killed outright, as a power cut would, by `kill` or with the test. */
export async function startParent(rung: "own" | "trial", dataDir: string): Promise<Parent> {
  const script = join(import.meta.dirname, "store-parent.ts");
  const child = spawn(process.execPath, [script, rung, dataDir, fetchedRedisDir], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended(child);
  };
  onTestFinished(kill);
  for await (const line of createInterface({ input: child.stdout })) return { line: JSON.parse(line), kill };
  throw new Error("the parent ended without a line");
}
