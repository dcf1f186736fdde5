import type { Command } from "commander";
import type { Io } from "../io.ts";
import { addGroup, addLeaf, listLimitDefault } from "../leaf.ts";
import { definedOnly, parseCount } from "../parsing.ts";
import { openSession, type Session } from "../session.ts";
import type { Deployment, Update } from "../shapes.ts";
import type { Column } from "../tables.ts";
import { finalCount, totalOf, totalsText } from "../watch/snapshot.ts";

type ListOptions = { readonly state?: readonly string[]; readonly package?: string; readonly limit: string };
type UpdateOptions = {
  readonly state?: readonly string[];
  readonly reason?: readonly string[];
  readonly limit: string;
};
type RetryOptions = { readonly states: readonly string[] };

type Retried = {
  readonly retried: number;
  readonly left?: readonly { readonly identity: string; readonly code: string }[];
};

const columns: readonly Column<Deployment>[] = [
  { title: "id", of: (deployment) => deployment.id },
  { title: "state", of: (deployment) => deployment.state },
  { title: "done", of: (deployment) => `${finalCount(deployment)}/${totalOf(deployment)}`, isNumber: true },
  { title: "package", of: (deployment) => deployment.packageId },
  { title: "version", of: (deployment) => deployment.version },
  { title: "created", of: (deployment) => deployment.createdAt },
  { title: "totals", of: (deployment) => totalsText(deployment, (text) => text), isFlexible: true },
];

const updateColumns: readonly Column<Update>[] = [
  { title: "identity", of: (update) => update.identity },
  { title: "state", of: (update) => update.state },
  { title: "status", of: (update) => update.status },
  { title: "try", of: (update) => update.attempt, isNumber: true },
  { title: "reason", of: (update) => update.reason },
  { title: "last report", of: (update) => update.lastReportAt },
  { title: "message", of: (update) => update.message, isFlexible: true },
];

/** Adds `deployments` and what stands below it. */
export function addDeployments(program: Command, io: Io): void {
  const deployments = addGroup(program, "deployments", "What was applied, how far it is, and steering it", [
    "otau deployments",
    "otau deployments updates DEPLOYMENT --state failed",
    "otau deployments pause DEPLOYMENT",
  ]);
  addDeploymentLists(deployments, io);
  addSteering(deployments, io);
  addRetry(deployments, io);
}

function addDeploymentLists(deployments: Command, io: Io): void {
  addLeaf(deployments, {
    usage: "list",
    summary: "List deployments, newest first",
    examples: ["otau deployments", "otau deployments list --state running halted"],
    isDefault: true,
  })
    .option("--state <state...>", "scheduled, running, paused, halted, finished, canceled")
    .option("--package <package>", "only of this package")
    .option("--limit <n>", "how many at most", listLimitDefault)
    .action(async (options: ListOptions, command: Command) => {
      const { api, out } = openSession(io, command);
      const query = definedOnly({ state: options.state, packageId: options.package });
      const limit = parseCount("--limit", options.limit);
      const page = await api.list<Deployment>(api.productPath("deployments"), query, limit);
      await out.page(page, columns, "No deployments. Make one with: otau apply PACKAGE --all");
    });
  addLeaf(deployments, {
    usage: "get <deployment>",
    summary: "Show one deployment: totals, wave, rate, gate, slowest and failing devices",
    examples: ["otau deployments get DEPLOYMENT"],
  }).action(async (id: string, _options: object, command: Command) => {
    const { api, out } = openSession(io, command);
    const deployment = await api.get<Deployment>(api.productPath("deployments", id));
    await out.answer(deployment, () => out.fields(deployment));
  });
  addUpdateList(deployments, io);
}

function addUpdateList(deployments: Command, io: Io): void {
  addLeaf(deployments, {
    usage: "updates <deployment>",
    summary: "List what a deployment does to each device",
    examples: ["otau deployments updates DEPLOYMENT --state failed timed_out"],
  })
    .option("--state <state...>", "only in these states")
    .option("--reason <reason...>", "only with these reasons")
    .option("--limit <n>", "how many at most", listLimitDefault)
    .action(async (id: string, { state, reason, limit }: UpdateOptions, command: Command) => {
      const { api, out } = openSession(io, command);
      const path = `${api.productPath("deployments", id)}/updates`;
      const page = await api.list<Update>(path, definedOnly({ state, reason }), parseCount("--limit", limit));
      await out.page(page, updateColumns, "No such updates.");
    });
}

function addSteering(deployments: Command, io: Io): void {
  const summaries = {
    pause: "Write nothing any more until it is resumed; what runs goes on",
    resume: "Go on with a paused or halted deployment",
    advance: "Open the next wave now, or approve it",
    cancel: "End every update that has not ended",
  };
  for (const [verb, summary] of Object.entries(summaries)) {
    addLeaf(deployments, {
      usage: `${verb} <deployment>`,
      summary,
      examples: [`otau deployments ${verb} DEPLOYMENT`],
    }).action((id: string, _options: object, command: Command) => steer(openSession(io, command), id, verb));
  }
}

async function steer({ api, out }: Session, id: string, verb: string): Promise<void> {
  const deployment = await api.send<Deployment>("POST", `${api.productPath("deployments", id)}/${verb}`);
  await out.answer(deployment, () => out.line(`deployment ${deployment.id} is ${deployment.state}`));
}

function addRetry(deployments: Command, io: Io): void {
  addLeaf(deployments, {
    usage: "retry <deployment>",
    summary: "Reopen updates that ended badly",
    examples: ["otau deployments retry DEPLOYMENT", "otau deployments retry DEPLOYMENT --states timed_out"],
  })
    .option("--states <state...>", "failed, timed_out, aborted, canceled", ["failed", "timed_out"])
    .action(async (id: string, { states }: RetryOptions, command: Command) => {
      const { api, out } = openSession(io, command);
      const path = `${api.productPath("deployments", id)}/retry`;
      const reply = await api.send<Retried>("POST", path, { body: { states } });
      await out.answer(reply, async () => {
        await out.line(`${reply.retried} reopened`);
        for (const { identity, code } of reply.left ?? []) await out.note(`${identity} was left: ${code}`);
      });
    });
}
