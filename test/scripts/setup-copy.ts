import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";

const project = join(import.meta.dirname, "..", "..");
const setupFiles = [
  "scripts/setup.mjs",
  "scripts/build-console.mjs",
  "scripts/fetch-redis.mjs",
  "modules/adapters/redis-server/find-server.mjs",
];

/** A folder with the set-up script alone, without a lockfile: nothing is to be installed there. */
export function copySetup(): string {
  const folder = mkdtempSync(join(tmpdir(), "otau-setup-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const file of setupFiles) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(join(project, file), join(folder, file));
  }
  return folder;
}

/** A search path that holds the named programs alone. */
export function pathWith(folder: string, programs: Readonly<Record<string, string>>): string {
  const bin = join(folder, "bin");
  mkdirSync(bin, { recursive: true });
  for (const [name, target] of Object.entries(programs)) symlinkSync(target, join(bin, name));
  return bin;
}

/** Runs the set-up; its lines and its exit code. */
export function runSetup(
  folder: string,
  env: NodeJS.ProcessEnv,
): Promise<{ readonly code: number | null; readonly lines: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(folder, "scripts", "setup.mjs")], {
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let lines = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        lines += chunk;
      });
    }
    child.on("close", (code) => resolve({ code, lines }));
  });
}
