import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { CliError } from "./cli-error.ts";
import type { Io } from "./io.ts";

/** A file named on the command line as text; `-` is what is piped in. Throws a CliError naming the file. */
export async function readTextFile(io: Io, file: string): Promise<string> {
  if (file === "-") return io.readStdin();
  const path = resolve(io.workingDir, file);
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new CliError(`${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}

/** The lines that hold anything, with their numbers from 1. */
export function filledLines(text: string): readonly { readonly number: number; readonly text: string }[] {
  return text
    .replace(/^\uFEFF/, "")
    .split("\n")
    .map((line, index) => ({ number: index + 1, text: line.trim() }))
    .filter((line) => line.text !== "");
}
