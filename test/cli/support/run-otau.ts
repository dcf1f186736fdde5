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

/** Keeps what is written. */
export type KeptText = TextSink & { readonly text: () => string };

/** Runs `otau ARGS` in this process. */
export async function runOtau(args: readonly string[], world: World = {}): Promise<Outcome> {
  const { io, stdout, stderr } = makeIo(world);
  const exitCode = await run(args, io);
  return { exitCode, stdout: stdout.text(), stderr: stderr.text() };
}

/** The world as a command sees it, and what it writes there. */
export function makeIo(world: World): {
  readonly io: Io;
  readonly stdout: KeptText;
  readonly stderr: KeptText;
} {
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
  return { io, stdout, stderr };
}

function makeSink(): KeptText {
  const chunks: Buffer[] = [];
  return {
    write: async (chunk) => {
      chunks.push(Buffer.from(chunk));
    },
    text: () => Buffer.concat(chunks).toString("utf8"),
  };
}
