import type { Command } from "commander";
import { usageError } from "../cli-error.ts";
import type { Io } from "../io.ts";
import { addGroup, addLeaf, listLimitDefault } from "../leaf.ts";
import { definedOnly, parseCount, parsePairs } from "../parsing.ts";
import { openSession, type Session } from "../session.ts";
import type { Update } from "../shapes.ts";
import type { Column } from "../tables.ts";
import { addDeviceAdd } from "./devices-add.ts";

type Device = {
  readonly identity: string;
  readonly installedVersion?: string | null;
  readonly updateState?: string | null;
  readonly update?: { readonly state?: string } | null;
  readonly online?: boolean;
  readonly drifted?: boolean;
  readonly lastSeenAt?: string;
  readonly tags?: Readonly<Record<string, string>>;
};

type ListOptions = {
  readonly state?: readonly string[];
  readonly installed?: readonly string[];
  readonly tag?: readonly string[];
  readonly drifted?: true;
  readonly online?: true;
  readonly offline?: true;
  readonly seenBefore?: string;
  readonly search?: string;
  readonly limit: string;
};

type TagOptions = { readonly remove?: readonly string[] };
type UpdateOptions = { readonly update?: string };

const columns: readonly Column<Device>[] = [
  { title: "identity", of: (device) => device.identity },
  { title: "installed", of: (device) => device.installedVersion },
  { title: "state", of: (device) => device.updateState ?? device.update?.state },
  { title: "online", of: (device) => yesNo(device.online) },
  { title: "drifted", of: (device) => yesNo(device.drifted) },
  { title: "last seen", of: (device) => device.lastSeenAt },
  { title: "tags", of: (device) => tagText(device.tags), isFlexible: true },
];

/** Adds `devices` and what stands below it. */
export function addDevices(program: Command, io: Io): void {
  const devices = addGroup(program, "devices", "The product's devices", [
    "otau devices",
    "otau devices add gw-1 gw-2 --tag site=berlin",
    "otau devices list --state failed timed_out",
  ]);
  addDeviceList(devices, io);
  addDeviceAdd(devices, io);
  addDeviceEdits(devices, io);
  addDeviceSteering(devices, io);
}

function addDeviceList(devices: Command, io: Io): void {
  addLeaf(devices, {
    usage: "list",
    summary: "List devices by identity",
    examples: ["otau devices list --tag site=berlin --installed 1.0.0", "otau devices list --drifted --json"],
    isDefault: true,
  })
    .option("--state <state...>", "whose update is in one of these states; none: no update")
    .option("--installed <version...>", "with one of these versions installed")
    .option("--tag <name=value...>", "with all these tags")
    .option("--drifted", "that run another version than the one last confirmed")
    .option("--online", "that are there now")
    .option("--offline", "that are not there now")
    .option("--seen-before <time>", "not seen since this time, like 2027-01-31T00:00:00Z")
    .option("--search <text>", "whose identity begins so")
    .option("--limit <n>", "how many at most", listLimitDefault)
    .action((options: ListOptions, command: Command) => listDevices(openSession(io, command), options));
}

async function listDevices({ api, out }: Session, options: ListOptions): Promise<void> {
  if (options.online && options.offline) throw usageError("--online and --offline leave no device");
  const tags = Object.entries(parsePairs("--tag", options.tag ?? []));
  const query = definedOnly({
    updateState: options.state,
    installedVersion: options.installed,
    drifted: options.drifted,
    online: options.online ?? (options.offline ? false : undefined),
    seenBefore: options.seenBefore,
    q: options.search,
    ...Object.fromEntries(tags.map(([name, value]) => [`tag.${name}`, value])),
  });
  const page = await api.list<Device>(
    api.productPath("devices"),
    query,
    parseCount("--limit", options.limit),
  );
  await out.page(page, columns, "No devices. Register some with: otau devices add IDENTITY …");
}

function addDeviceEdits(devices: Command, io: Io): void {
  addLeaf(devices, {
    usage: "get <identity>",
    summary: "Show one device",
    examples: ["otau devices get gw-1"],
  }).action(async (identity: string, _options: object, command: Command) => {
    const { api, out } = openSession(io, command);
    const device = await api.get<Device>(api.productPath("devices", identity));
    await out.answer(device, () => out.fields(device));
  });
  addLeaf(devices, {
    usage: "tag <identity> [name=value...]",
    summary: "Set tags of a device, or remove some; the others stay",
    examples: ["otau devices tag gw-1 site=berlin rack=7", "otau devices tag gw-1 --remove rack"],
  })
    .option("--remove <name...>", "tags to remove")
    .action((identity: string, pairs: readonly string[], options: TagOptions, command: Command) =>
      tagDevice(openSession(io, command), identity, pairs, options),
    );
  addLeaf(devices, {
    usage: "delete <identity...>",
    summary: "Delete devices; what runs for them is canceled",
    examples: ["otau devices delete gw-1 gw-2"],
  }).action(async (identities: readonly string[], _options: object, command: Command) => {
    const { api, out } = openSession(io, command);
    for (const identity of identities) {
      await api.send("DELETE", api.productPath("devices", identity));
      if (!out.isJson) await out.line(`${identity} deleted`);
    }
    if (out.isJson) await out.answer({ deleted: identities }, async () => {});
  });
}

async function tagDevice(
  { api, out }: Session,
  identity: string,
  pairs: readonly string[],
  { remove = [] }: TagOptions,
): Promise<void> {
  if (pairs.length + remove.length === 0) throw usageError("no tag to set or remove is named");
  const removed = Object.fromEntries(remove.map((name) => [name, null]));
  const body = { tags: { ...parsePairs("tag", pairs), ...removed } };
  const device = await api.send<Device>("PATCH", api.productPath("devices", identity), { body });
  await out.answer(device, () => out.line(`${identity}  ${tagText(device?.tags) || "no tags"}`));
}

function addDeviceSteering(devices: Command, io: Io): void {
  const steer = (verb: "cancel" | "retry", summary: string): void => {
    addLeaf(devices, {
      usage: `${verb} <identity>`,
      summary,
      examples: [`otau devices ${verb} gw-1`],
    })
      .option("--update <id>", "this update and no other")
      .action(async (identity: string, { update }: UpdateOptions, command: Command) => {
        const { api, out } = openSession(io, command);
        const path = `${api.productPath("devices", identity)}/${verb}`;
        const body = update === undefined ? {} : { updateId: update };
        const reply = await api.send<Update>("POST", path, { body });
        await out.answer(reply, () => out.line(`${identity}  ${reply.id}  ${reply.state}`));
      });
  };
  steer("cancel", "Cancel the device's update: the live one, else the newest that waits");
  steer("retry", "Try the device's newest failed, timed out, aborted or canceled update again");
}

function tagText(tags: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(tags ?? {})
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");
}

function yesNo(value: boolean | undefined): string | undefined {
  if (value === undefined) return undefined;
  return value ? "yes" : "no";
}
