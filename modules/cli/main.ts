import { makeIo } from "./process-io.ts";
import { run } from "./run.ts";

const stop = new AbortController();
// The second Ctrl-C finds no listener any more and ends the program at once.
for (const name of ["SIGINT", "SIGTERM"]) process.once(name, () => stop.abort());
process.exitCode = await run(process.argv.slice(2), makeIo(stop.signal));
// Nothing is open any more but perhaps a kept-alive connection, which would delay the shell's prompt.
process.exit();
