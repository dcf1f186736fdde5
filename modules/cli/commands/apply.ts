import { type Command, Option } from "commander";
import { usageError } from "../cli-error.ts";
import type { Io } from "../io.ts";
import { addLeaf } from "../leaf.ts";
import { definedOnly, parseJsonObject, parsePairs } from "../parsing.ts";
import { openSession, type Session } from "../session.ts";
import type { Deployment } from "../shapes.ts";
import { filledLines, readTextFile } from "../text-files.ts";
import { watchDeployment } from "../watch/watch-deployment.ts";

type ApplyOptions = {
  readonly device?: readonly string[];
  readonly devicesFrom?: string;
  readonly all?: true;
  readonly tag?: readonly string[];
  readonly installed?: readonly string[];
  readonly skipUnknown?: true;
  readonly force?: true;
  readonly onActive?: string;
  readonly confirm?: string;
  readonly allowDowngrade?: true;
  readonly startAt?: string;
  readonly expiresAt?: string;
  readonly timeouts?: string;
  readonly retry?: string;
  readonly rollout?: string;
  readonly dryRun?: true;
  readonly idempotencyKey?: string;
  readonly watch?: true;
};

type DryRun = {
  readonly total: number;
  readonly skipped?: Readonly<Record<string, number>>;
  readonly sample?: unknown;
  readonly forecastMs?: number | null;
};

type Applied = {
  readonly deployment: Deployment;
  readonly unknown?: { readonly count: number; readonly identities: readonly string[] };
};

const unknownShownMax = 10;

/** Adds `apply`. */
export function addApply(program: Command, io: Io): void {
  const apply = addLeaf(program, {
    usage: "apply <package>",
    summary: "Bring a package to devices",
    examples: [
      "otau apply package_acme_1-0-1.json --device gw-1 gw-2 --watch",
      "otau apply package_acme_1-0-1.json --tag site=berlin --installed 1.0.0 --dry-run",
      `otau apply package_acme_1-0-1.json --all --rollout '{"waves": [10, 40, 50]}'`,
    ],
  });
  addTargetOptions(apply);
  addPolicyOptions(apply);
  apply.action((packageId: string, options: ApplyOptions, command: Command) =>
    applyPackage(openSession(io, command), packageId, options),
  );
}

function addTargetOptions(apply: Command): void {
  apply
    .optionsGroup("Which devices:")
    .option("--device <identity...>", "these devices")
    .option("--devices-from <file>", "the devices in this file, one on a line; - reads stdin")
    .option("--all", "every device of the product")
    .option("--tag <name=value...>", "devices with all these tags")
    .option("--installed <version...>", "devices with one of these versions installed")
    .option("--skip-unknown", "leave out devices that are not registered instead of refusing");
}

function addPolicyOptions(apply: Command): void {
  apply
    .optionsGroup("How:")
    .option("--force", "also where the version is installed or on its way")
    .addOption(
      new Option("--on-active <policy>", "what to do where another update runs").choices([
        "supersede",
        "queue",
        "reject",
      ]),
    )
    .addOption(
      new Option("--confirm <policy>", "whether a device must report its version").choices([
        "required",
        "optional",
      ]),
    )
    .option("--allow-downgrade", "also to a lower version where the product guards against it")
    .option("--start-at <time>", "begin at this time, like 2027-01-31T02:00:00Z")
    .option("--expires-at <time>", "give up what has not begun by then")
    .option("--timeouts <json>", `as in '{"downloadMs": 600000}'; null switches one off`)
    .option("--retry <json>", `as in '{"maxAttempts": 5}'`)
    .option("--rollout <json>", `waves, limits, windows and gate, as in '{"waves": [10, 90]}'`)
    .option("--dry-run", "only say what would happen")
    .option("--idempotency-key <key>", "send twice under the same key and it is applied once")
    .option("--watch", "follow it to its end, as otau watch does");
}

async function applyPackage(session: Session, packageId: string, options: ApplyOptions): Promise<void> {
  const { api, out } = session;
  const body = { ...(await targetOf(session.io, options)), ...policyOf(options) };
  const path = `${api.productPath("packages", packageId)}/apply`;
  const extras = { body, idempotencyKey: options.idempotencyKey };
  if (options.dryRun) {
    const reply = await api.send<DryRun>("POST", path, extras);
    return out.answer(reply, () => showDryRun(out, reply));
  }
  const applied = await api.send<Applied>("POST", path, extras);
  await tellApplied(session, applied, options.watch === true);
  if (options.watch) await watchDeployment(session, applied.deployment.id);
}

async function targetOf(io: Io, options: ApplyOptions): Promise<object> {
  const isList = options.device !== undefined || options.devicesFrom !== undefined;
  const isTarget = options.all === true || options.tag !== undefined || options.installed !== undefined;
  if (isList === isTarget) {
    throw usageError(
      isList ? "name devices or describe them, not both" : "which devices? None is named",
      "Use --device or --devices-from, else --all, --tag, --installed.",
    );
  }
  const onUnknown = options.skipUnknown ? { onUnknown: "skip" } : {};
  if (isList) {
    const fromFile =
      options.devicesFrom === undefined
        ? []
        : filledLines(await readTextFile(io, options.devicesFrom)).map((line) => line.text);
    return { devices: [...(options.device ?? []), ...fromFile], ...onUnknown };
  }
  const tags = options.tag === undefined ? undefined : parsePairs("--tag", options.tag);
  return {
    target: definedOnly({ all: options.all, tags, installedVersion: options.installed }),
    ...onUnknown,
  };
}

/** Only what was typed: for the rest the product's own settings hold. */
function policyOf(options: ApplyOptions): object {
  const { force, onActive, confirm, allowDowngrade, startAt, expiresAt, dryRun } = options;
  const json = (name: string, text: string | undefined): object | undefined =>
    text === undefined ? undefined : parseJsonObject(name, text);
  const given = definedOnly({
    force,
    onActive,
    confirm,
    allowDowngrade,
    startAt,
    expiresAt,
    dryRun,
    timeouts: json("--timeouts", options.timeouts),
    retry: json("--retry", options.retry),
    rollout: json("--rollout", options.rollout),
  });
  return Object.keys(given).length === 0 ? {} : { options: given };
}

async function showDryRun(out: Session["out"], { total, skipped, forecastMs }: DryRun): Promise<void> {
  await out.line(`${total} ${total === 1 ? "device" : "devices"} in the target; nothing was written`);
  for (const [reason, count] of Object.entries(skipped ?? {}))
    await out.line(`  ${count} would be skipped: ${reason}`);
  if (typeof forecastMs === "number") await out.line(`  expected to take ${Math.ceil(forecastMs / 1000)} s`);
}

async function tellApplied({ out }: Session, applied: Applied, isWatched: boolean): Promise<void> {
  const { deployment, unknown } = applied;
  if (out.isJson) return isWatched ? out.jsonLine(applied) : out.answer(applied, async () => {});
  const total = deployment.totals?.["total"] ?? 0;
  await out.line(
    `deployment ${deployment.id} ${deployment.state}, ${total} ${total === 1 ? "device" : "devices"}`,
  );
  if (unknown !== undefined && unknown.count > 0) {
    const names = unknown.identities.slice(0, unknownShownMax).join(", ");
    await out.note(
      `${unknown.count} unknown left out: ${names}${unknown.count > unknownShownMax ? ", …" : ""}`,
    );
  }
  if (!isWatched) await out.note(`Follow it with: otau watch ${deployment.id}`);
}
