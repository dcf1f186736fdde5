import type { Command } from "commander";
import { CliError } from "../cli-error.ts";
import type { Io } from "../io.ts";
import { addLeaf } from "../leaf.ts";
import { parseCount } from "../parsing.ts";
import { openSession, type Session } from "../session.ts";
import type { Deployment } from "../shapes.ts";
import { watchDeployment } from "../watch/watch-deployment.ts";

type WatchOptions = { readonly interval: string };

/** Adds `watch`. */
export function addWatch(program: Command, io: Io): void {
  addLeaf(program, {
    usage: "watch [deployment]",
    summary:
      "Follow a deployment to its end, the newest one if none is named. " +
      "Exits with 0 when every update succeeded or was skipped, with 1 otherwise.",
    examples: ["otau watch", "otau watch dep_01 --json | jq .totals"],
  })
    .option("--interval <ms>", "how often to look, in milliseconds", "1000")
    .action(async (id: string | undefined, { interval }: WatchOptions, command: Command) => {
      const session = openSession(io, command);
      const intervalMs = parseCount("--interval", interval, 3_600_000);
      await watchDeployment(session, id ?? (await newestDeployment(session)), intervalMs);
    });
}

async function newestDeployment({ api }: Session): Promise<string> {
  const page = await api.list<Deployment>(api.productPath("deployments"), {}, 1);
  const newest = page.items[0];
  if (newest !== undefined) return newest.id;
  throw new CliError("there is no deployment to watch", { hint: "Make one with: otau apply PACKAGE --all" });
}
