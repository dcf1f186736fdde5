// Writes the documents that are made from code. With --check it writes nothing and fails where one is stale.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { renderEnvExample, renderSettingsPage } from "./settings-page.ts";
import { renderStateMachinePage } from "./state-machine-doc.ts";

const root = join(import.meta.dirname, "..");

/** A generated file: where it lies below the root, and how its text is made. */
export type GeneratedFile = { readonly path: string; readonly render: () => string | Promise<string> };

/** Every generated file. Add yours here: the suite then fails when it is stale. */
export const generatedFiles: readonly GeneratedFile[] = [
  { path: "docs/settings.md", render: renderSettingsPage },
  { path: ".env.example", render: renderEnvExample },
  { path: "docs/state-machine.md", render: renderStateMachinePage },
];

function readPresent(path: string): string {
  try {
    return readFileSync(join(root, path), "utf8");
  } catch {
    return "";
  }
}

/** Paths of generated files whose text differs from what the code says now. */
export async function findStale(): Promise<readonly string[]> {
  const fresh = await Promise.all(
    generatedFiles.map(async ({ path, render }) => ({ path, text: await render() })),
  );
  return fresh.filter(({ path, text }) => readPresent(path) !== text).map(({ path }) => path);
}

async function main(isCheck: boolean): Promise<void> {
  const stale = await findStale();
  if (isCheck && stale.length > 0) {
    console.error(`stale: ${stale.join(", ")}; run npm run docs and commit what it writes`);
    process.exitCode = 1;
    return;
  }
  for (const { path, render } of generatedFiles) {
    if (stale.includes(path)) writeFileSync(join(root, path), await render());
  }
}

if (process.argv[1] === import.meta.filename) await main(process.argv.includes("--check"));
