import type { Command } from "commander";
import { CliError, usageError } from "../cli-error.ts";
import type { Io } from "../io.ts";
import { addLeaf } from "../leaf.ts";
import { definedOnly, parsePairs } from "../parsing.ts";
import { registerDevices, tellOutcome } from "../register-devices.ts";
import { openSession, type Session } from "../session.ts";
import { filledLines, readTextFile } from "../text-files.ts";

type AddOptions = {
  readonly from?: string;
  readonly tag?: readonly string[];
  readonly installed?: string;
  readonly tokens?: true;
};

/** Adds `devices add`. */
export function addDeviceAdd(devices: Command, io: Io): void {
  addLeaf(devices, {
    usage: "add [identity...]",
    summary: "Register devices; one that exists is updated",
    examples: [
      "otau devices add gw-1 gw-2 --tag site=berlin --installed 1.0.0",
      "otau devices add --from devices.ndjson --tokens --json",
    ],
  })
    .option("--from <file>", 'file with one {"identity": …, "tags": …} or identity on a line; - reads stdin')
    .option("--tag <name=value...>", "tags for those named here")
    .option("--installed <version>", "version that those named here run now")
    .option("--tokens", "make a token for each and show it, once")
    .action((identities: readonly string[], options: AddOptions, command: Command) =>
      addAll(openSession(io, command), identities, options),
    );
}

async function addAll(session: Session, identities: readonly string[], options: AddOptions): Promise<void> {
  const { api, out } = session;
  const tags = options.tag === undefined ? undefined : parsePairs("--tag", options.tag);
  const named = identities.map((identity) =>
    definedOnly({ identity, tags, installedVersion: options.installed }),
  );
  const listed = options.from === undefined ? [] : await readDevices(session.io, options.from);
  const all = [...named, ...listed];
  if (all.length === 0) throw usageError("no device is named", "Name some, or give a file with --from");
  await tellOutcome(out, await registerDevices(api, all, options.tokens === true));
}

async function readDevices(io: Io, file: string): Promise<readonly unknown[]> {
  const text = await readTextFile(io, file);
  if (text.trimStart().startsWith("[")) return parseArray(text, file);
  return filledLines(text).map((line) => {
    if (!line.text.startsWith("{")) return { identity: line.text };
    try {
      return JSON.parse(line.text);
    } catch (cause) {
      throw new CliError(`${file}, line ${line.number} is not JSON: ${reasonOf(cause)}`, { cause });
    }
  });
}

function parseArray(text: string, file: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [value];
  } catch (cause) {
    throw new CliError(`${file} is not JSON: ${reasonOf(cause)}`, { cause });
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
