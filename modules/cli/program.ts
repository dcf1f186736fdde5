import { readFileSync } from "node:fs";
import { Command } from "commander";
import { addApply } from "./commands/apply.ts";
import { addAudit } from "./commands/audit.ts";
import { addCompletion } from "./commands/completion.ts";
import { addContent } from "./commands/content.ts";
import { addDeployments } from "./commands/deployments.ts";
import { addDevices } from "./commands/devices.ts";
import { addHistory } from "./commands/history.ts";
import { addImport } from "./commands/import.ts";
import { addLogin } from "./commands/login.ts";
import { addPackages } from "./commands/packages.ts";
import { addSimulate } from "./commands/simulate.ts";
import { addToken } from "./commands/token.ts";
import { addWatch } from "./commands/watch.ts";
import { addWhy } from "./commands/why.ts";
import type { Io } from "./io.ts";

const helpEnd = `
Settings, read from the environment:
  OTAU_URL      the server's address (http://127.0.0.1:8080)
  OTAU_TOKEN    the token to use; on the server's own machine its admin-token file is read
  OTAU_PRODUCT  the product that is meant (default)
  OTAU_PROFILE  the login to use, of those that otau login keeps, for what the others leave open

Exit codes: 0 done, 1 refused or failed, 2 wrong usage.

A first round:
  $ otau content upload package_acme_1-0-1.json --tags otau_info=…
  $ otau devices add gw-1 gw-2
  $ otau apply package_acme_1-0-1.json --all --watch
  $ otau why gw-1`;

/** The whole command line. `write` and `writeError` take what the parser prints: help, version, usage errors. */
export function makeProgram(
  io: Io,
  write: (text: string) => void,
  writeError: (text: string) => void,
): Command {
  const program = new Command("otau");
  program
    .description("Brings software packages to fleets of devices, and says where each one stands")
    .version(readVersion(), "-V, --version")
    .option("--json", "print JSON and nothing else on stdout")
    // A --version or --json behind a command belongs to that command.
    .enablePositionalOptions()
    .exitOverride()
    .showHelpAfterError("(add --help for the options and examples)")
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: write,
      writeErr: writeError,
      getOutHelpWidth: () => io.size().columns,
      getErrHelpWidth: () => io.size().columns,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .addHelpText("after", helpEnd);
  for (const add of [addContent, addPackages, addApply, addWatch, addDeployments]) add(program, io);
  for (const add of [addDevices, addWhy, addHistory, addToken, addAudit, addImport, addSimulate])
    add(program, io);
  for (const add of [addLogin, addCompletion]) add(program, io);
  return program;
}

function readVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const { version }: { version: string } = JSON.parse(text);
  return version;
}
