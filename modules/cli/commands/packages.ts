import type { Command } from "commander";
import type { Io } from "../io.ts";
import { addGroup, addLeaf, listLimitDefault } from "../leaf.ts";
import { definedOnly, parseCount } from "../parsing.ts";
import { openSession, type Session } from "../session.ts";
import type { Package } from "../shapes.ts";
import type { Column } from "../tables.ts";

type ListOptions = {
  readonly vendor?: string;
  readonly product?: string;
  readonly type?: string;
  readonly version?: string;
  readonly state?: string;
  readonly search?: string;
  readonly limit: string;
};
type WithdrawOptions = { readonly reason: string; readonly stop?: true };

const columns: readonly Column<Package>[] = [
  { title: "id", of: (item) => item.id },
  { title: "version", of: (item) => item.otau_info?.config_otau?.version },
  { title: "type", of: (item) => item.otau_info?.config_otau?.type },
  { title: "state", of: (item) => (item.valid ? item.state : "invalid") },
  { title: "vendor", of: (item) => item.otau_info?.vendor, isFlexible: true },
  { title: "product", of: (item) => item.otau_info?.product, isFlexible: true },
  { title: "name", of: (item) => item.otau_info?.config_otau?.name, isFlexible: true },
];

/** Adds `packages` and what stands below it. */
export function addPackages(program: Command, io: Io): void {
  const packages = addGroup(program, "packages", "Software packages that can be applied to devices", [
    "otau packages",
    "otau packages --vendor Acme --version 1.0.1",
    "otau packages withdraw package_acme_1-0-1.json --reason 'drains the battery' --stop",
  ]);
  addPackageList(packages, io);
  addLeaf(packages, {
    usage: "get <package>",
    summary: "Show one package, with its problems if it is not valid",
    examples: ["otau packages get package_acme_1-0-1.json"],
  }).action((id: string, _options: object, command: Command) => showPackage(openSession(io, command), id));
  addWithdrawal(packages, io);
}

function addPackageList(packages: Command, io: Io): void {
  addLeaf(packages, {
    usage: "list",
    summary: "List packages, newest first",
    examples: ["otau packages", "otau packages list --state available --search gateway"],
    isDefault: true,
  })
    .option("--vendor <text>", "only of this vendor")
    .option("--product <text>", "only for this product name in otau_info")
    .option("--type <type>", "only of this type: FILE, JSON, URL_LIST")
    .option("--version <version>", "only this version")
    .option("--state <state>", "pending, available or withdrawn")
    .option("--search <text>", "part of the id, name or version")
    .option("--limit <n>", "how many at most", listLimitDefault)
    .action((options: ListOptions, command: Command) => listPackages(openSession(io, command), options));
}

async function listPackages({ api, out }: Session, options: ListOptions): Promise<void> {
  const { vendor, product, type, version, state, search } = options;
  const query = definedOnly({ vendor, product, type, version, state, q: search });
  const page = await api.list<Package>(
    api.productPath("packages"),
    query,
    parseCount("--limit", options.limit),
  );
  await out.page(
    page,
    columns,
    "No packages. Upload one with: otau content upload package_… --tags otau_info=…",
  );
}

async function showPackage({ api, out }: Session, id: string): Promise<void> {
  const found = await api.get<Package>(api.productPath("packages", id));
  await out.answer(found, () => out.fields(found));
}

function addWithdrawal(packages: Command, io: Io): void {
  addLeaf(packages, {
    usage: "withdraw <package>",
    summary: "Block new applies of a package",
    examples: ["otau packages withdraw package_acme_1-0-1.json --reason 'drains the battery' --stop"],
  })
    .requiredOption("--reason <text>", "why; kept with the package")
    .option("--stop", "also cancel its updates that have not begun")
    .action(async (id: string, { reason, stop }: WithdrawOptions, command: Command) => {
      const { api, out } = openSession(io, command);
      const body = { reason, stop: stop === true };
      const reply = await api.send("POST", `${api.productPath("packages", id)}/withdraw`, { body });
      await out.answer(reply, () =>
        out.line(`${id} is withdrawn${stop ? ", its updates are being canceled" : ""}`),
      );
    });
  addLeaf(packages, {
    usage: "restore <package>",
    summary: "Make a withdrawn package available again",
    examples: ["otau packages restore package_acme_1-0-1.json"],
  }).action(async (id: string, _options: object, command: Command) => {
    const { api, out } = openSession(io, command);
    const reply = await api.send("POST", `${api.productPath("packages", id)}/restore`);
    await out.answer(reply, () => out.line(`${id} is available again`));
  });
}
