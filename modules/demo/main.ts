import { once } from "node:events";
import { parseArgs } from "node:util";
import { CliError } from "../cli/cli-error.ts";
import { failureText } from "../cli/output.ts";
import { makeIo } from "../cli/process-io.ts";
import { demoPackages } from "./packages.ts";
import { startDemoServer } from "./server.ts";
import { playStory } from "./story.ts";

const stepDelayMs = 600;
const patienceMs = 12_000;

/** Plays the demo on a server of its own, and leaves it running for a look at the console. */
async function main(signal: AbortSignal): Promise<void> {
  const { values } = parseArgs({ options: { once: { type: "boolean", default: false } } });
  const io = makeIo(signal);
  await io.stdout.write("Starting a server of the demo's own …\n");
  await using server = await startDemoServer(io.env);
  const { apiUrl, deviceUrl, token } = server;
  const consoleLine = `The console: ${apiUrl}/  (sign in with the token ${token})\n`;
  await io.stdout.write(consoleLine);
  const devices = new AbortController();
  const staged = { ...io, signal: AbortSignal.any([signal, devices.signal]) };
  const story = await playStory({ io: staged, apiUrl, deviceUrl, token, stepDelayMs, patienceMs });
  const next = `npx otau apply ${demoPackages.repaired.id} --all`;
  await io.stdout.write(`
Your turn. ${consoleLine}In a second terminal:
  export OTAU_URL=${apiUrl} OTAU_TOKEN=${token}
  npx otau deployments resume ${story.rollout.id}   # accept the failures, and go on
  ${next}   # or bring the repaired package to all
`);
  if (!values.once) {
    await io.stdout.write("\nThe server and its devices run until Ctrl-C; nothing of them stays behind.\n");
    if (!signal.aborted) await once(signal, "abort");
  }
  devices.abort();
  await story.devicesEnd;
}

const stop = new AbortController();
for (const name of ["SIGINT", "SIGTERM"]) process.once(name, () => stop.abort());
try {
  await main(stop.signal);
} catch (error) {
  if (!stop.signal.aborted) {
    const failure = error instanceof CliError ? error : new CliError(String(error), { cause: error });
    process.stderr.write(failureText(failure, false));
    process.exitCode = 1;
  }
}
