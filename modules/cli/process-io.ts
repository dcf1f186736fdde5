import { text } from "node:stream/consumers";
import type { WriteStream } from "node:tty";
import type { Io, TextSink } from "./io.ts";

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

/** The world of this process; to be made once. */
export function makeIo(signal: AbortSignal): Io {
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
