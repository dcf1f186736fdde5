import type { Io, TextSink } from "../../../modules/cli/io.ts";
import { run } from "../../../modules/cli/run.ts";

/** What a command line left behind. */
export type Outcome = { readonly exitCode: number; readonly stdout: string; readonly stderr: string };

/** The world of a command under test; `isTerminal` is false unless named. */
export type World = {
  readonly env?: Readonly<Record<string, string>>;
  readonly workingDir?: string;
  readonly isTerminal?: boolean;
  readonly columns?: number;
  readonly stdin?: string;
  readonly signal?: AbortSignal;
};

/** Runs `otau ARGS` in this process. */
export async function runOtau(args: readonly string[], world: World = {}): Promise<Outcome> {
  const stdout = makeSink();
  const stderr = makeSink();
  const io: Io = {
    stdout,
    stderr,
    readStdin: async () => world.stdin ?? "",
    env: world.env ?? {},
    workingDir: world.workingDir ?? "/nowhere",
    isTerminal: world.isTerminal ?? false,
    size: () => ({ columns: world.columns ?? 100, rows: 30 }),
    progressStream: undefined,
    signal: world.signal ?? new AbortController().signal,
    now: () => new Date("2027-01-31T02:00:00.000Z"),
  };
  const exitCode = await run(args, io);
  return { exitCode, stdout: stdout.text(), stderr: stderr.text() };
}

function makeSink(): TextSink & { readonly text: () => string } {
  const chunks: Buffer[] = [];
  return {
    write: async (chunk) => {
      chunks.push(Buffer.from(chunk));
    },
    text: () => Buffer.concat(chunks).toString("utf8"),
  };
}
