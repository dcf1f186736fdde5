import { CommanderError } from "commander";
import { CliError } from "./cli-error.ts";
import type { Io } from "./io.ts";
import { failureText } from "./output.ts";
import { makeProgram } from "./program.ts";

/** As a shell reports a program that Ctrl-C ended. */
const interruptedExitCode = 130;

/**
 * Runs one command line (without the program's own name) and gives the exit code:
 * 0 done, 1 refused or failed, 2 wrong usage, 130 stopped by the user.
 */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const printed: Promise<void>[] = [];
  const program = makeProgram(
    io,
    (text) => printed.push(io.stdout.write(text)),
    (text) => printed.push(io.stderr.write(text)),
  );
  try {
    await program.parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    return await endWith(error, args, io);
  } finally {
    await Promise.all(printed);
  }
}

async function endWith(error: unknown, args: readonly string[], io: Io): Promise<number> {
  // The parser has printed its sentence already; help and version come this way too.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (io.signal.aborted) return interruptedExitCode;
  const failure = error instanceof CliError ? error : unexpected(error);
  await io.stderr.write(failureText(failure, args.includes("--json")));
  return failure.exitCode;
}

function unexpected(error: unknown): CliError {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new CliError("this should not have happened", { notes: stack.split("\n"), cause: error });
}
