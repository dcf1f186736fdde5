import { text } from "node:stream/consumers";
import type { WriteStream } from "node:tty";
import type { Io, TextSink } from "./io.ts";
import { run } from "./run.ts";

const sizeWhenUnknown = { columns: 80, rows: 24 };

/** The exit code of a reader that went away, as in `otau history gw-1 | head`: no fault of anybody. */
const readerGoneExitCode = 0;

function makeSink(stream: WriteStream): TextSink {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(readerGoneExitCode);
    throw error;
  });
  return {
    write: (chunk) =>
      new Promise((resolve, reject) => stream.write(chunk, (error) => (error ? reject(error) : resolve()))),
  };
}

function makeIo(signal: AbortSignal): Io {
  return {
    stdout: makeSink(process.stdout),
    stderr: makeSink(process.stderr),
    readStdin: () => text(process.stdin),
    env: process.env,
    workingDir: process.cwd(),
    isTerminal: process.stdout.isTTY === true,
    size: () => ({
      columns: process.stdout.columns ?? sizeWhenUnknown.columns,
      rows: process.stdout.rows ?? sizeWhenUnknown.rows,
    }),
    progressStream: process.stderr.isTTY ? process.stderr : undefined,
    signal,
    now: () => new Date(),
  };
}

const stop = new AbortController();
// The second Ctrl-C finds no listener any more and ends the program at once.
for (const name of ["SIGINT", "SIGTERM"]) process.once(name, () => stop.abort());
process.exitCode = await run(process.argv.slice(2), makeIo(stop.signal));
// Nothing is open any more but perhaps a kept-alive connection, which would delay the shell's prompt.
process.exit();
