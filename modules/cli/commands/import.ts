import { resolve } from "node:path";
import type { Command } from "commander";
import { CliError } from "../cli-error.ts";
import { type ListedItem, readContentListing } from "../import/content-listing.ts";
import { type ListedDevice, readDeviceTable } from "../import/device-table.ts";
import { type ItemOutcome, importItems } from "../import/import-content.ts";
import type { Io } from "../io.ts";
import { addLeaf } from "../leaf.ts";
import { registerDevices, tellOutcome } from "../register-devices.ts";
import { openSession, type Session } from "../session.ts";
import type { Column } from "../tables.ts";
import { readTextFile } from "../text-files.ts";

type Options = { readonly files?: string; readonly tokens?: true; readonly dryRun?: true };

const outcomeColumns: readonly Column<ItemOutcome>[] = [
  { title: "id", of: ({ id }) => id },
  { title: "state", of: ({ outcome }) => outcome },
  { title: "note", of: ({ note }) => note, isFlexible: true },
];

const deviceColumns: readonly Column<ListedDevice>[] = [
  { title: "identity", of: ({ identity }) => identity },
  { title: "installed", of: ({ installedVersion }) => installedVersion },
  { title: "tags", of: ({ tags }) => tags, isFlexible: true },
];

/** Adds `import`. */
export function addImport(program: Command, io: Io): void {
  addLeaf(program, {
    usage: "import <file>",
    summary:
      "Take over what another platform has: a .json file with a Murano product's content listing, or a .csv file " +
      "with devices. What is there already is updated, so that it can be run again.",
    examples: [
      "otau import content.json --dry-run",
      "otau import content.json --files ./downloaded",
      "otau import devices.csv --tokens --json > tokens.json",
    ],
  })
    .option("--files <folder>", "where the bytes of content items are, each in a file named like its id")
    .option("--tokens", "make a token for each device and show it, once")
    .option("--dry-run", "only read the file and show what would be imported")
    .action((file: string, options: Options, command: Command) =>
      importFile(openSession(io, command), file, options),
    );
}

async function importFile(session: Session, file: string, options: Options): Promise<void> {
  const text = await readTextFile(session.io, file);
  const isListing = /^\uFEFF?\s*[[{]/.test(text);
  if (isListing)
    await importContent(
      session,
      named(file, () => readContentListing(text)),
      options,
    );
  else
    await importDevices(
      session,
      named(file, () => readDeviceTable(text)),
      options,
    );
}

/** What is wrong with the file is said with its name. */
function named<Result>(file: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    throw new CliError(`${file}: ${error.message}`, error.extras);
  }
}

async function importContent(
  session: Session,
  items: readonly ListedItem[],
  options: Options,
): Promise<void> {
  const { io, out } = session;
  const filesDir = options.files === undefined ? undefined : resolve(io.workingDir, options.files);
  const isDryRun = options.dryRun === true;
  const outcomes = await importItems(session, items, { filesDir, isDryRun });
  const countOf = (outcome: ItemOutcome["outcome"]): number =>
    outcomes.filter((one) => one.outcome === outcome).length;
  await out.answer({ dryRun: isDryRun, items: outcomes }, async () => {
    await out.table(outcomeColumns, outcomes, "The list holds no item.");
    const verb = isDryRun ? "would be imported" : "imported";
    await out.line(`${countOf("imported")} of ${outcomes.length} ${verb}`);
  });
  const missing = outcomes.length - countOf("imported");
  if (missing > 0) {
    throw new CliError(`${missing} of ${outcomes.length} items are not imported as they should be`, {
      hint:
        countOf("left") > 0
          ? "Download their bytes into a folder, and name it with --files FOLDER."
          : "Correct what the table names, and import again.",
    });
  }
}

async function importDevices(
  { api, out }: Session,
  devices: readonly ListedDevice[],
  options: Options,
): Promise<void> {
  if (devices.length === 0) throw new CliError("the table has headings and no device");
  if (!options.dryRun) return tellOutcome(out, await registerDevices(api, devices, options.tokens === true));
  await out.answer({ dryRun: true, devices }, async () => {
    await out.table(deviceColumns, devices, "");
    await out.line(`${devices.length} would be registered or updated`);
  });
}
